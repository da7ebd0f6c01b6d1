/// The description of the routes, in OpenAPI 3.1.
enum OpenAPIDocument {
    static let text = """
        openapi: 3.1.0
        info:
          title: Skein
          version: "0.1"
        paths: {}
        """
}
