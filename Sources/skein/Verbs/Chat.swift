internal import ArgumentParser
internal import Foundation
internal import SkeinCore
internal import SkeinDecoding
internal import SkeinEngine
internal import SkeinModels
internal import SkeinText

/// `skein chat`: a conversation in the terminal.
struct Chat: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Talk with a model. Ctrl-C stops an answer; /help lists the commands."
    )

    @OptionGroup var model: ModelFlags
    @OptionGroup var sampling: SamplingFlags

    @Option(name: .customLong("system"), help: "The system message.")
    var system: String?

    @Option(name: .customLong("chat-template"), help: "A file with a chat template in Jinja.")
    var template: String?

    @Option(help: "A tokenizer other than the model's own.")
    var tokenizer: String?

    func run() throws {
        let session = try Session(model, tokenizer: tokenizer, contextSize: sampling.contextSize)
        let text = session.generator.tokenizer
        guard let source = try template.map(TextFile.read) ?? text.chatTemplate else {
            throw SkeinError(
                .invalidArgument,
                "the model has no chat template",
                hint: "pass one with --chat-template, or use skein generate"
            )
        }
        var conversation = Conversation(
            template: try ChatTemplate(source),
            tokenizer: text,
            system: system
        )
        Interrupt.start()
        while true {
            Environment.error("> ")
            guard let line = Terminal.message() else {
                Environment.error("\n")
                break
            }
            if line.isEmpty { continue }
            if line.hasPrefix("/") {
                guard conversation.command(line) else { break }
                continue
            }
            Interrupt.clear()
            try answer(line, &conversation, session)
        }
    }

    private func answer(
        _ line: String,
        _ conversation: inout Conversation,
        _ session: Session
    ) throws {
        conversation.messages.append(ChatMessage("user", line))
        let limit = session.generator.contextSize
        let prompt = try conversation.prompt(limit: limit)
        let parameters = try sampling.parameters(
            vocabularySize: session.model.description.vocabularySize,
            defaultMaxTokens: nil
        )
        do {
            let result = try session.generator.generate(
                prompt: prompt,
                parameters: parameters,
                stopStrings: sampling.stop,
                isCancelled: { Interrupt.isRaised },
                onText: { Environment.out($0) }
            )
            Environment.out("\n")
            conversation.messages.append(ChatMessage("assistant", result.text))
            Environment.error(session.statistics(result))
        } catch let error as SkeinError where error.code == .contextOverflow {
            conversation.messages.removeLast()
            Environment.error("\(error)\n")
        }
    }
}

/// The history of a chat.
struct Conversation {
    let template: ChatTemplate
    let tokenizer: Tokenizer
    var system: String?
    var messages: [ChatMessage] = []

    init(template: ChatTemplate, tokenizer: Tokenizer, system: String?) {
        self.template = template
        self.tokenizer = tokenizer
        self.system = system
    }

    /// The history as ids; the oldest exchanges are left out where it would not fit with an answer.
    mutating func prompt(limit: Int) throws -> [Int32] {
        while true {
            let all = (system.map { [ChatMessage("system", $0)] } ?? []) + messages
            let text = try template.render(
                messages: all,
                addGenerationPrompt: true,
                bos: tokenizer.bosID.flatMap { tokenizer.token($0) } ?? "",
                eos: tokenizer.eosID.flatMap { tokenizer.token($0) } ?? ""
            )
            let ids = tokenizer.encode(text, addSpecialTokens: false)
            guard ids.count >= limit - limit / 8, messages.count > 2 else { return ids }
            messages.removeFirst(2)
            Environment.error("(the context is full: the oldest exchange was left out)\n")
        }
    }

    /// Carries out a line that begins with a slash; false to end.
    mutating func command(_ line: String) -> Bool {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        switch parts[0] {
        case "/exit", "/quit", "/bye": return false
        case "/clear", "/reset": messages.removeAll()
        case "/system": system = parts.count > 1 ? parts[1] : nil
        case "/history":
            for message in messages {
                let content = message.content.string ?? message.content.text()
                Environment.out("\(message.role): \(content)\n")
            }
        case "/undo": if messages.count >= 2 { messages.removeLast(2) }
        default:
            Environment.error(
                "/clear forgets the conversation, /system TEXT sets the system message, /undo takes the"
                    + " last exchange back, /history shows it, /exit ends\n"
            )
        }
        return true
    }
}
