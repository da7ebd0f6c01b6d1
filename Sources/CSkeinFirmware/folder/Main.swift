// Every hart runs skein_main: it computes its shares of every model under every plan for 1 to 8 workers.
// Hart 0 compares the results with the host's, which lie beside the models, and reports over the UART.

@_extern(c, "skein_put") func put(_ byte: Int32)
@_extern(c, "skein_exit") func exit(_ status: Int32)
@_extern(c, "skein_barrier") func barrier()
@_extern(c, "skein_instructions") func instructions() -> UInt32
@_extern(c, "skein_model") func model(_ index: Int32) -> UnsafeRawPointer
@_extern(c, "skein_memory") func memory() -> UnsafeMutableRawPointer

/// The entry of every hart, called by start.S.
@_cdecl("skein_main")
public func main(_ hart: Int32, _ harts: Int32) {
    var runner = Runner(hart: Int(hart), harts: Int(harts))
    if runner.isFirst {
        runner.print("skein harts ")
        runner.print(harts: Int(harts))
    }
    runModels(&runner)
    if runner.isFirst {
        runner.print(runner.failures == 0 ? "PASS\n" : "FAIL\n")
        exit(runner.failures == 0 ? 0 : 1)
    }
    while true { barrier() }
}

/// One share; every kernel is compiled once, here.
@inline(never)
func step<Kernel: PhasedKernel>(_ kernel: Kernel, _ phase: Int, _ worker: Int) {
    kernel.run(phase: phase, worker: worker)
}

struct Runner {
    let hart: Int
    let harts: Int
    var failures = 0

    var isFirst: Bool { hart == 0 }

    /// Runs a model under all plans and numbers of workers.
    mutating func run<Model: ChipModel>(_ type: Model.Type, _ index: Int32, _ name: StaticString) {
        let blob = ModelBlob(model(index))
        if isFirst {
            print("model ")
            print(name)
            print(blob.isIntact ? " intact\n" : " damaged\n")
            if !blob.isIntact { failures &+= 1 }
        }
        let model = Model(blob)
        var number = 0
        while let plan = Model.plan(number) {
            if model.supports(plan) {
                for workers in 1...8 { run(model, plan, number, workers) }
            }
            number &+= 1
        }
    }

    private mutating func run<Model: ChipModel>(
        _ model: Model,
        _ plan: Plan,
        _ number: Int,
        _ workers: Int
    ) {
        var scratch = Scratch(memory())
        let kernel = model.kernel(
            plan,
            samples: model.blob.word(.samples),
            workers: workers,
            memory: &scratch
        )
        if isFirst { model.prepare(kernel) }
        barrier()
        for phase in 0..<kernel.phases {
            var worker = hart
            while worker < workers {
                step(kernel, phase, worker)
                worker &+= harts
            }
            barrier()
        }
        if isFirst {
            let mistakes = model.mistakes(kernel)
            if mistakes > 0 { failures &+= 1 }
            print("run ", number, workers)
            print(mistakes == 0 ? " right\n" : " wrong\n")
            if number == 0, workers == 1 { results(model, kernel) }
            if harts == 1 { count(model, plan, number, workers) }
        }
        barrier()
    }

    /// Labels and values, as the host's report shows them.
    private func results<Model: ChipModel>(_ model: Model, _ kernel: Model.Kernel) {
        print("labels")
        for sample in 0..<model.samples(kernel) {
            print(" ")
            print(UInt64(wide: UInt32(bitPattern: model.label(kernel, sample))))
        }
        print("\nvalues")
        for index in 0..<model.outcomes(model.samples(kernel)) {
            print(" ")
            print(model.outcome(kernel, index).pattern)
        }
        print("\n")
    }

    /// Instructions of every worker's share of every phase, on one hart; batches of all samples, else one sample.
    private func count<Model: ChipModel>(
        _ model: Model,
        _ plan: Plan,
        _ number: Int,
        _ workers: Int
    ) {
        var scratch = Scratch(memory())
        let kernel = model.kernel(
            plan,
            samples: plan.isByBatch ? model.blob.word(.samples) : 1,
            workers: workers,
            memory: &scratch
        )
        model.prepare(kernel)
        let empty = spent {}
        for phase in 0..<kernel.phases {
            print("count ", number, workers)
            for worker in 0..<workers {
                let count = spent { step(kernel, phase, worker) }
                print(" ")
                print(UInt64(wide: count &- empty))
            }
            print("\n")
        }
    }

    @inline(__always)
    private func spent(_ body: () -> Void) -> UInt32 {
        let start = instructions()
        body()
        return instructions() &- start
    }

    func print(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount {
            put(Int32(truncatingIfNeeded: text.utf8Start[index]))
        }
    }

    /// A number in base 16.
    func print(_ number: UInt64) {
        var shift: UInt64 = 60
        while shift > 0, number &>> shift == 0 { shift &-= 4 }
        while true {
            let digit = Int32(truncatingIfNeeded: (number &>> shift) & 15)
            put(digit < 10 ? 48 &+ digit : 87 &+ digit)
            if shift == 0 { return }
            shift &-= 4
        }
    }

    func print(harts: Int) {
        print(UInt64(wide: UInt32(bitPattern: Int32(harts))))
        print("\nbarrier ")
        let empty = spent {}
        // On one hart; each further one adds six instructions to the last to arrive.
        let alone = harts == 1 ? spent { barrier() } &- empty : 0
        print(UInt64(wide: alone))
        print("\n")
    }

    func print(_ word: StaticString, _ plan: Int, _ workers: Int) {
        print(word)
        print(UInt64(wide: UInt32(plan)))
        print(" ")
        print(UInt64(wide: UInt32(workers)))
    }
}
