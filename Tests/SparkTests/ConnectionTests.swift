import Foundation
import SkeinCore
import SkeinTestSupport
import Synchronization
import Testing

import SkeinSpark

/// The client against a server of our own that misbehaves on demand.
@Suite struct ConnectionTests {
    private func session(_ port: Int, _ options: String = "") async throws -> SparkSession {
        try await SparkSession.connect(SparkURL("sc://localhost:\(port)\(options)"))
    }

    private func error(_ body: () async throws -> Void) async -> SkeinError? {
        do {
            try await body()
            return nil
        } catch { return error as? SkeinError }
    }

    @Test func `a server that is not there is named`() async throws {
        let found = await error { _ = try await self.session(1) }
        #expect(found?.code == .sparkUnreachable)
        #expect(found?.message.contains("sc://localhost:1") == true, "\(found?.message ?? "")")
        #expect(found?.hint?.contains("make spark") == true, "\(String(describing: found))")
    }

    @Test func `another version is refused`() async throws {
        try await FakeSpark(version: "3.5.1").serve { port in
            let found = await error { _ = try await self.session(port) }
            #expect(found?.code == .sparkVersion)
            #expect(found?.message.contains("3.5.1") == true)
        }
    }

    @Test func `tokens are sent and wrong ones refused`() async throws {
        try await FakeSpark(token: "secret").serve { port in
            let good = try await self.session(port, "/;token=secret")
            #expect(good.version == "4.3.0")
            await good.close()
            let found = await error { _ = try await self.session(port, "/;token=guess") }
            #expect(found?.code == .sparkUnauthenticated)
            let none = await error { _ = try await self.session(port) }
            #expect(none?.hint?.contains("token") == true)
        }
    }

    @Test(arguments: [1, 2, 3])
    func `a stream that breaks is taken up where it was`(cut: Int) async throws {
        let tables = (0..<3).map { SparkTable([SparkColumn("n", .integers([Int64($0)]))]) }
        let fake = FakeSpark(cutAfter: cut, batches: tables)
        try await fake.serve { port in
            let session = try await self.session(port)
            #expect(try await session.query("SELECT n FROM t") == tables)
            await session.close()
        }
        #expect(fake.seen.withLock { $0.released.count } == 1)
    }

    @Test func `files arrive whole with their checksums`() async throws {
        let path = NSTemporaryDirectory() + "skein-artifact-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        for size in [0, 1, 32 << 10, (32 << 10) + 1, 200_000] {
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let fake = FakeSpark()
            try await fake.serve { port in
                let session = try await self.session(port)
                try await session.addFile(path, as: "thing")
                await session.close()
            }
            #expect(fake.seen.withLock { $0.files } == ["files/thing": bytes])
            #expect(fake.seen.withLock { $0.badChecksums } == 0)
        }
    }

    @Test func `TLS is spoken and names are checked`() async throws {
        let folder = NSTemporaryDirectory() + "skein-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (key, certificate) = (folder + "/key.pem", folder + "/certificate.pem")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
            certificate,
        ]
        process.standardError = FileHandle.nullDevice
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl") else {
            print("skipped: no openssl on this machine")
            return
        }
        try process.run()
        process.waitUntilExit()
        try await FakeSpark(token: "t").serve(tls: (certificate, key)) { port in
            let options = "/;use_ssl=true;token=t;trusted_certificates="
            let session = try await self.session(port, options + certificate)
            #expect(session.version == "4.3.0")
            await session.close()
            // The system does not trust the certificate, and it is for another name.
            let other = try SparkURL("sc://127.0.0.1:\(port)\(options)\(certificate)")
            for url in [try SparkURL("sc://localhost:\(port)/;use_ssl=true;token=t"), other] {
                let found = await error {
                    _ = try await SparkSession.connect(url, timeout: .seconds(5))
                }
                #expect(found?.code == .sparkUnreachable, "\(found?.message ?? "")")
            }
        }
    }
}
