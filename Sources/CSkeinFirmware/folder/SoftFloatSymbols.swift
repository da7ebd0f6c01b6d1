// The functions that a compiler calls for floats where there is no unit for them, under their customary names.

@_cdecl("__addsf3") func add(_ a: UInt32, _ b: UInt32) -> UInt32 { SoftFloat.add(a, b) }

@_cdecl("__subsf3") func subtract(_ a: UInt32, _ b: UInt32) -> UInt32 {
    SoftFloat.subtract(a, b)
}

@_cdecl("__mulsf3") func multiply(_ a: UInt32, _ b: UInt32) -> UInt32 {
    SoftFloat.multiply(a, b)
}

@_cdecl("__divsf3") func divide(_ a: UInt32, _ b: UInt32) -> UInt32 {
    SoftFloat.divide(a, b)
}

// The linker gives these two the names of the other comparisons: see build.sh.
@_cdecl("__lesf2") func lessOrEqual(_ a: UInt32, _ b: UInt32) -> Int32 {
    SoftFloat.order(a, b, unordered: 1)
}

@_cdecl("__gesf2") func greaterOrEqual(_ a: UInt32, _ b: UInt32) -> Int32 {
    SoftFloat.order(a, b, unordered: -1)
}

@_cdecl("__unordsf2") func unordered(_ a: UInt32, _ b: UInt32) -> Int32 {
    SoftFloat.isUnordered(a, b) ? 1 : 0
}

@_cdecl("__floatsisf") func fromInt32(_ a: Int32) -> UInt32 { SoftFloat.converted(a) }

@_cdecl("__floatunsisf") func fromUInt32(_ a: UInt32) -> UInt32 { SoftFloat.converted(a) }

@_cdecl("__floatdisf") func fromInt64(_ a: Int64) -> UInt32 { SoftFloat.converted(a) }

@_cdecl("__floatundisf") func fromUInt64(_ a: UInt64) -> UInt32 { SoftFloat.converted(a) }

@_cdecl("__fixsfsi") func toInt32(_ a: UInt32) -> Int32 { SoftFloat.integer(a) }

@_cdecl("__fixunssfsi") func toUInt32(_ a: UInt32) -> UInt32 {
    SoftFloat.naturalNumber(a)
}

@_cdecl("__fixsfdi") func toInt64(_ a: UInt32) -> Int64 { SoftFloat.wideInteger(a) }

@_cdecl("__fixunssfdi") func toUInt64(_ a: UInt32) -> UInt64 {
    SoftFloat.wideNaturalNumber(a)
}
