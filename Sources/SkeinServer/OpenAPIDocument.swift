/// The description of the routes, in OpenAPI 3.1.
enum OpenAPIDocument {
    static let text = paths + "\n" + components

    private static let paths = #"""
        openapi: 3.1.0
        info:
          title: Skein
          version: 0.1.0
          description: OpenAI's interface over models that this server runs.
        security:
          - key: []
          - {}
        paths:
          /:
            get:
              summary: Show the page
              tags: [watching]
              operationId: showThePage
              security: []
              responses:
                '200':
                  description: The answer.
                  content:
                    text/html:
                      schema:
                        type: string
          /health:
            get:
              summary: Say whether models are ready
              tags: [watching]
              operationId: sayWhetherModelsAreReady
              security: []
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                '503':
                  $ref: '#/components/responses/Error'
          /metrics:
            get:
              summary: Report metrics for Prometheus
              tags: [watching]
              operationId: reportMetricsForPrometheus
              responses:
                '200':
                  description: The answer.
                  content:
                    text/plain:
                      schema:
                        type: string
                '401':
                  $ref: '#/components/responses/Error'
          /slots:
            get:
              summary: List requests in progress
              tags: [watching]
              operationId: listRequestsInProgress
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                '401':
                  $ref: '#/components/responses/Error'
          /steps:
            get:
              summary: Watch forward passes
              tags: [watching]
              operationId: watchForwardPasses
              parameters:
                - name: model
                  in: query
                  schema:
                    type: string
                - name: show
                  in: query
                  description: Show the tokens of requests whose x-request-id begins so.
                  schema:
                    type: string
                    minLength: 8
              responses:
                '200':
                  description: The answer.
                  content:
                    text/event-stream:
                      schema:
                        type: string
                '400':
                  $ref: '#/components/responses/Error'
                '401':
                  $ref: '#/components/responses/Error'
                '404':
                  $ref: '#/components/responses/Error'
                '503':
                  $ref: '#/components/responses/Error'
          /openapi.yaml:
            get:
              summary: Describe this interface
              tags: [watching]
              operationId: describeThisInterface
              responses:
                '200':
                  description: The answer.
                  content:
                    application/yaml:
                      schema:
                        type: string
                '401':
                  $ref: '#/components/responses/Error'
          /v1/models:
            get:
              summary: List models
              tags: [models]
              operationId: listModels
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                '401':
                  $ref: '#/components/responses/Error'
          /v1/models/{model}:
            get:
              summary: Describe one model
              tags: [models]
              operationId: describeOneModel
              parameters:
                - name: model
                  in: path
                  required: true
                  schema:
                    type: string
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                '401':
                  $ref: '#/components/responses/Error'
                '404':
                  $ref: '#/components/responses/Error'
                '503':
                  $ref: '#/components/responses/Error'
          /v1/completions:
            post:
              summary: Continue prompts
              tags: [generation]
              operationId: continuePrompts
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      $ref: '#/components/schemas/CompletionRequest'
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                    text/event-stream:
                      schema:
                        type: string
                '400':
                  $ref: '#/components/responses/Error'
                '401':
                  $ref: '#/components/responses/Error'
                '404':
                  $ref: '#/components/responses/Error'
                '413':
                  $ref: '#/components/responses/Error'
                '429':
                  $ref: '#/components/responses/Error'
                '500':
                  $ref: '#/components/responses/Error'
                '503':
                  $ref: '#/components/responses/Error'
                '504':
                  $ref: '#/components/responses/Error'
          /v1/chat/completions:
            post:
              summary: Answer a conversation
              tags: [generation]
              operationId: answerAConversation
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      $ref: '#/components/schemas/ChatRequest'
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                    text/event-stream:
                      schema:
                        type: string
                '400':
                  $ref: '#/components/responses/Error'
                '401':
                  $ref: '#/components/responses/Error'
                '404':
                  $ref: '#/components/responses/Error'
                '413':
                  $ref: '#/components/responses/Error'
                '429':
                  $ref: '#/components/responses/Error'
                '500':
                  $ref: '#/components/responses/Error'
                '503':
                  $ref: '#/components/responses/Error'
                '504':
                  $ref: '#/components/responses/Error'
          /v1/responses:
            post:
              summary: Answer an input
              tags: [generation]
              operationId: answerAnInput
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      $ref: '#/components/schemas/ResponseRequest'
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                    text/event-stream:
                      schema:
                        type: string
                '400':
                  $ref: '#/components/responses/Error'
                '401':
                  $ref: '#/components/responses/Error'
                '404':
                  $ref: '#/components/responses/Error'
                '413':
                  $ref: '#/components/responses/Error'
                '429':
                  $ref: '#/components/responses/Error'
                '500':
                  $ref: '#/components/responses/Error'
                '503':
                  $ref: '#/components/responses/Error'
                '504':
                  $ref: '#/components/responses/Error'
          /v1/embeddings:
            post:
              summary: Turn texts into vectors
              tags: [embeddings]
              operationId: turnTextsIntoVectors
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      $ref: '#/components/schemas/EmbeddingRequest'
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                '400':
                  $ref: '#/components/responses/Error'
                '401':
                  $ref: '#/components/responses/Error'
                '404':
                  $ref: '#/components/responses/Error'
                '413':
                  $ref: '#/components/responses/Error'
                '429':
                  $ref: '#/components/responses/Error'
                '503':
                  $ref: '#/components/responses/Error'
          /tokenize:
            post:
              summary: Turn text into ids
              tags: [tokens]
              operationId: turnTextIntoIds
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      $ref: '#/components/schemas/TokenizeRequest'
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                '400':
                  $ref: '#/components/responses/Error'
                '401':
                  $ref: '#/components/responses/Error'
                '404':
                  $ref: '#/components/responses/Error'
                '413':
                  $ref: '#/components/responses/Error'
                '429':
                  $ref: '#/components/responses/Error'
                '503':
                  $ref: '#/components/responses/Error'
          /detokenize:
            post:
              summary: Turn ids into text
              tags: [tokens]
              operationId: turnIdsIntoText
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      $ref: '#/components/schemas/DetokenizeRequest'
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                '400':
                  $ref: '#/components/responses/Error'
                '401':
                  $ref: '#/components/responses/Error'
                '404':
                  $ref: '#/components/responses/Error'
                '413':
                  $ref: '#/components/responses/Error'
                '429':
                  $ref: '#/components/responses/Error'
                '503':
                  $ref: '#/components/responses/Error'
          /apply-template:
            post:
              summary: Write a conversation as a prompt
              tags: [tokens]
              operationId: writeAConversationAsA
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      $ref: '#/components/schemas/TemplateRequest'
              responses:
                '200':
                  description: The answer.
                  content:
                    application/json:
                      schema:
                        $ref: '#/components/schemas/Object'
                '400':
                  $ref: '#/components/responses/Error'
                '401':
                  $ref: '#/components/responses/Error'
                '404':
                  $ref: '#/components/responses/Error'
                '413':
                  $ref: '#/components/responses/Error'
                '429':
                  $ref: '#/components/responses/Error'
                '503':
                  $ref: '#/components/responses/Error'
        """#
}
