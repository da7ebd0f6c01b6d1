internal import Hummingbird

/// The page at `/`: chat, and the engine at work.
///
/// One document without outside requests; a policy of its own forbids them.
enum Page {
    static var response: Response {
        var response = Response.text(html, type: "text/html; charset=utf-8")
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
            + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return response
    }
}
