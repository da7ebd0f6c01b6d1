#include "firmware.h"

// The texts that a firmware folder consists of, read by the compiler from where they are used: the
// kernels from SkeinClassic, the rest from folder/. FirmwareTests checks that no kernel is missing.

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char CentroidKernel[] = {
#embed "../SkeinClassic/CentroidKernel.swift"
};
static const unsigned char ChipForest[] = {
#embed "../SkeinClassic/Chip/ChipForest.swift"
};
static const unsigned char ChipIteration[] = {
#embed "../SkeinClassic/Chip/ChipIteration.swift"
};
static const unsigned char ChipModel[] = {
#embed "../SkeinClassic/Chip/ChipModel.swift"
};
static const unsigned char ChipNearest[] = {
#embed "../SkeinClassic/Chip/ChipNearest.swift"
};
static const unsigned char ChipScores[] = {
#embed "../SkeinClassic/Chip/ChipScores.swift"
};
static const unsigned char ModelBlob[] = {
#embed "../SkeinClassic/Chip/ModelBlob.swift"
};
static const unsigned char Scratch[] = {
#embed "../SkeinClassic/Chip/Scratch.swift"
};
static const unsigned char ClassicScalar[] = {
#embed "../SkeinClassic/ClassicScalar.swift"
};
static const unsigned char Float_ClassicScalar[] = {
#embed "../SkeinClassic/Float+ClassicScalar.swift"
};
static const unsigned char ForestKernel[] = {
#embed "../SkeinClassic/ForestKernel.swift"
};
static const unsigned char I8[] = {
#embed "../SkeinClassic/I8.swift"
};
static const unsigned char NearestKernel[] = {
#embed "../SkeinClassic/NearestKernel.swift"
};
static const unsigned char Plan[] = {
#embed "../SkeinClassic/Plan.swift"
};
static const unsigned char Q15[] = {
#embed "../SkeinClassic/Q15.swift"
};
static const unsigned char Q31[] = {
#embed "../SkeinClassic/Q31.swift"
};
static const unsigned char RowTerms[] = {
#embed "../SkeinClassic/RowTerms.swift"
};
static const unsigned char ScoreKernel[] = {
#embed "../SkeinClassic/ScoreKernel.swift"
};
static const unsigned char SoftFloat_Order[] = {
#embed "../SkeinClassic/SoftFloat/SoftFloat+Order.swift"
};
static const unsigned char SoftFloat_Product[] = {
#embed "../SkeinClassic/SoftFloat/SoftFloat+Product.swift"
};
static const unsigned char SoftFloat[] = {
#embed "../SkeinClassic/SoftFloat/SoftFloat.swift"
};
static const unsigned char Team[] = {
#embed "../SkeinClassic/Team.swift"
};
static const unsigned char Widening[] = {
#embed "../SkeinClassic/Widening.swift"
};
static const unsigned char Main_swift[] = {
#embed "folder/Main.swift"
};
static const unsigned char SoftFloatSymbols_swift[] = {
#embed "folder/SoftFloatSymbols.swift"
};
static const unsigned char build_sh[] = {
#embed "folder/build.sh"
};
static const unsigned char link_ld[] = {
#embed "folder/link.ld"
};
static const unsigned char run_sh[] = {
#embed "folder/run.sh"
};
static const unsigned char start_S[] = {
#embed "folder/start.S"
};

#define FILE_AT(path, bytes)                                                                       \
    { path, bytes, sizeof bytes }

static const sk_firmware_file files[] = {
    FILE_AT("Sources/CentroidKernel.swift", CentroidKernel),
    FILE_AT("Sources/ChipForest.swift", ChipForest),
    FILE_AT("Sources/ChipIteration.swift", ChipIteration),
    FILE_AT("Sources/ChipModel.swift", ChipModel),
    FILE_AT("Sources/ChipNearest.swift", ChipNearest),
    FILE_AT("Sources/ChipScores.swift", ChipScores),
    FILE_AT("Sources/ModelBlob.swift", ModelBlob),
    FILE_AT("Sources/Scratch.swift", Scratch),
    FILE_AT("Sources/ClassicScalar.swift", ClassicScalar),
    FILE_AT("Sources/Float+ClassicScalar.swift", Float_ClassicScalar),
    FILE_AT("Sources/ForestKernel.swift", ForestKernel),
    FILE_AT("Sources/I8.swift", I8),
    FILE_AT("Sources/NearestKernel.swift", NearestKernel),
    FILE_AT("Sources/Plan.swift", Plan),
    FILE_AT("Sources/Q15.swift", Q15),
    FILE_AT("Sources/Q31.swift", Q31),
    FILE_AT("Sources/RowTerms.swift", RowTerms),
    FILE_AT("Sources/ScoreKernel.swift", ScoreKernel),
    FILE_AT("Sources/SoftFloat+Order.swift", SoftFloat_Order),
    FILE_AT("Sources/SoftFloat+Product.swift", SoftFloat_Product),
    FILE_AT("Sources/SoftFloat.swift", SoftFloat),
    FILE_AT("Sources/Team.swift", Team),
    FILE_AT("Sources/Widening.swift", Widening),
    FILE_AT("Main.swift", Main_swift),
    FILE_AT("SoftFloatSymbols.swift", SoftFloatSymbols_swift),
    FILE_AT("build.sh", build_sh),
    FILE_AT("link.ld", link_ld),
    FILE_AT("run.sh", run_sh),
    FILE_AT("start.S", start_S),
};

const sk_firmware_file *sk_firmware_file_at(size_t place) {
    return place < sizeof files / sizeof *files ? &files[place] : NULL;
}
