extension OpenAPIDocument {
    /// What the routes refer to: refusals and the bodies of requests.
    static let components = #"""
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
                speculative.n_max: {type: integer, minimum: 0, maximum: 64}
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
