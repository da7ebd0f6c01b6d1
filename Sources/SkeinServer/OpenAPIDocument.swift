/// The description of the routes, in OpenAPI 3.1.
enum OpenAPIDocument {
    static let text = #"""
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
              responses:
                '200':
                  description: The answer.
                  content:
                    text/event-stream:
                      schema:
                        type: string
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
        components:
          securitySchemes:
            key:
              type: http
              scheme: bearer
          responses:
            Error:
              description: A refusal.
              content:
                application/json:
                  schema:
                    $ref: '#/components/schemas/Error'
          schemas:
            Object:
              type: object
            Error:
              type: object
              required: [error]
              properties:
                error:
                  type: object
                  required: [message, type, param, code]
                  properties:
                    message: {type: string}
                    type: {type: string}
                    param: {type: [string, 'null']}
                    code: {type: [string, 'null']}
            Message:
              type: object
              required: [role]
              properties:
                role: {enum: [system, developer, user, assistant, tool, function]}
                content: {type: [string, array, 'null']}
                tool_calls: {type: array}
                tool_call_id: {type: string}
            Sampling:
              type: object
              properties:
                model: {type: string}
                temperature: {type: number, minimum: 0, maximum: 100, default: 1}
                top_p: {type: number, minimum: 0, maximum: 1, default: 1}
                top_k: {type: integer, minimum: -1, default: 0}
                min_p: {type: number, minimum: 0, maximum: 1, default: 0}
                typical_p: {type: number, minimum: 0, maximum: 1, default: 1}
                frequency_penalty: {type: number, minimum: -2, maximum: 2, default: 0}
                presence_penalty: {type: number, minimum: -2, maximum: 2, default: 0}
                repetition_penalty: {type: number, minimum: 0.01, maximum: 100, default: 1}
                seed: {type: integer}
                stop: {type: [string, array]}
                logit_bias: {type: object, additionalProperties: {type: number, minimum: -100, maximum: 100}}
                n: {type: integer, minimum: 1, maximum: 128, default: 1}
                min_tokens: {type: integer, minimum: 0}
                ignore_eos: {type: boolean}
                priority: {type: integer}
                cache_salt: {type: string}
                stream: {type: boolean, default: false}
                stream_options: {type: object, properties: {include_usage: {type: boolean}}}
                response_format: {type: object, required: [type]}
                grammar: {type: string}
                guided_regex: {type: string}
                guided_choice: {type: array, items: {type: string}}
                guided_json: {type: object}
            CompletionRequest:
              allOf:
                - $ref: '#/components/schemas/Sampling'
                - type: object
                  required: [prompt]
                  properties:
                    prompt: {type: [string, array]}
                    max_tokens: {type: integer, minimum: 0, default: 16}
                    echo: {type: boolean, default: false}
                    logprobs: {type: integer, minimum: 0, maximum: 20}
            ChatRequest:
              allOf:
                - $ref: '#/components/schemas/Sampling'
                - type: object
                  required: [messages]
                  properties:
                    messages:
                      type: array
                      minItems: 1
                      items: {$ref: '#/components/schemas/Message'}
                    max_tokens: {type: integer, minimum: 1}
                    max_completion_tokens: {type: integer, minimum: 1}
                    logprobs: {type: boolean, default: false}
                    top_logprobs: {type: integer, minimum: 0, maximum: 20}
                    tools: {type: array}
                    tool_choice: {type: [string, object]}
                    parallel_tool_calls: {type: boolean, default: true}
            ResponseRequest:
              allOf:
                - $ref: '#/components/schemas/Sampling'
                - type: object
                  required: [input]
                  properties:
                    input: {type: [string, array]}
                    instructions: {type: string}
                    max_output_tokens: {type: integer, minimum: 1}
            EmbeddingRequest:
              type: object
              required: [input]
              properties:
                model: {type: string}
                input: {type: [string, array]}
                encoding_format: {enum: [float, base64], default: float}
                dimensions: {type: integer, minimum: 1}
            TokenizeRequest:
              type: object
              properties:
                model: {type: string}
                prompt: {type: string}
                messages: {type: array}
                add_special_tokens: {type: boolean, default: true}
            DetokenizeRequest:
              type: object
              required: [tokens]
              properties:
                model: {type: string}
                tokens: {type: array, items: {type: integer}}
            TemplateRequest:
              type: object
              required: [messages]
              properties:
                model: {type: string}
                messages:
                  type: array
                  items: {$ref: '#/components/schemas/Message'}
                tools: {type: array}
                add_generation_prompt: {type: boolean, default: true}
        """#
}
