internal import Hummingbird

/// The page at `/`.
enum Page {
    static var response: Response { .text(html, type: "text/html; charset=utf-8") }

    static let html = "<!doctype html><title>Skein</title><p>Skein is serving."
}
