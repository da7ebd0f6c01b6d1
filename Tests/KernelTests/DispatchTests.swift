import CSkeinKernels
import Testing

@Suite struct DispatchTests {
    @Test func `the portable level is always there and unknown levels are refused`() {
        #expect(sk_kernels_for(sk_isa(SK_ISA_PORTABLE))?.pointee.isa == 0)
        #expect(sk_kernels_for(-1) == nil)
        #expect(sk_kernels_for(99) == nil)
        #expect(sk_kernels_for(sk_best_isa()) != nil)
    }
}
