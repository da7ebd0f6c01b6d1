/// The formats of texts that are enforced, as expressions over characters.
enum StringFormat {
    private static let leapYear =
        "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
    private static let date =
        "(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])"
        + "|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|\(leapYear)-02-29)"
    private static let clock = "(?:[01]\\d|2[0-3]):[0-5]\\d"
    private static let time = "\(clock):[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-]\(clock))"
    private static let label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    private static let octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
    private static let atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"

    private static let patterns: [String: String] = [
        "date": date,
        "time": time,
        "date-time": "\(date)T\(time)",
        "uuid": "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        "email": "\(atom)(?:\\.\(atom))*@\(label)(?:\\.\(label))+",
        "ipv4": "\(octet)(?:\\.\(octet)){3}",
        "hostname": "\(label)(?:\\.\(label))*",
    ]

    /// The expression of a format, or `nil` where it is only an annotation.
    static func expression(_ name: String) throws -> GrammarNode? {
        try patterns[name].map { try RegexParser.parse($0, searching: false) }
    }
}
