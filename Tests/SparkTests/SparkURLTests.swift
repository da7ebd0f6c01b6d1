import SkeinCore
import SkeinSpark
import Testing

@Suite struct SparkURLTests {
    @Test func `reads addresses`() throws {
        let plain = try SparkURL("sc://localhost")
        #expect(plain.host == "localhost" && plain.port == 15002 && !plain.usesTLS)
        let full = try SparkURL(
            "sc://spark.example:443/;use_ssl=true;token=a%3Db;user_id=ada;"
                + "session_id=0B8C1F6E-0000-4000-8000-0123456789ab;user_agent=lab"
        )
        #expect(full.host == "spark.example" && full.port == 443 && full.usesTLS)
        #expect(full.token == "a=b" && full.user == "ada" && full.userAgent == "lab")
        #expect(full.session == "0B8C1F6E-0000-4000-8000-0123456789ab")
        #expect(full.shown == "sc://spark.example:443")
        let six = try SparkURL("sc://[::1]:15002/")
        #expect(six.host == "::1" && six.shown == "sc://[::1]:15002")
    }

    @Test func `a token is never sent unencrypted to another machine`() throws {
        #expect(try SparkURL("sc://far/;token=t").usesTLS)
        #expect(try !SparkURL("sc://localhost/;token=t").usesTLS)
        #expect(throws: SkeinError.self) { try SparkURL("sc://far/;token=t;use_ssl=false") }
    }

    @Test(arguments: [
        ("localhost:15002", "does not start with sc://"), ("sc://", "names no host"),
        ("sc://a:0", "has port \"0\""), ("sc://a:x", "has port \"x\""),
        ("sc://a/b", "has a path"), ("sc://a/;token", "without a value"),
        ("sc://a/;colour=red", "unknown option colour"), ("sc://a/;use_ssl=yes", "use_ssl=yes"),
        ("sc://a/;session_id=1", "expected a UUID"), ("sc://a/;token=%zz", "percent-encoded"),
    ])
    func `says what is wrong with an address`(address: String, part: String) {
        let error = #expect(throws: SkeinError.self) { try SparkURL(address) }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        #expect(error?.code == .invalidArgument)
    }
}
