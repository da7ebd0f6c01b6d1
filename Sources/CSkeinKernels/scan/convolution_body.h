// The convolution before the scan; scan_body.h includes this.

/// What row `row` sees at a tap: an earlier row, one of the past, or zeros before any past.
SK_INLINE LEVEL void tap_of(block_of *v, const sk_convolution *c, ptrdiff_t row, ptrdiff_t tap,
                            ptrdiff_t first, ptrdiff_t count) {
    const ptrdiff_t place = row - (c->taps - 1) + tap;
    if (place >= 0) {
        load_some(v, c->x + place * c->ld_x + first, count);
    } else if (c->past != NULL) {
        load_some(v, c->past + (place + c->taps - 1) * c->channels + first, count);
    } else {
        fill(v, 0);
    }
}

SK_INLINE LEVEL void convolve_row(block_of *sum, const sk_convolution *c, ptrdiff_t row,
                                  ptrdiff_t first, ptrdiff_t count) {
    fill(sum, 0);
    if (c->bias != NULL) {
        load_some(sum, c->bias + first, count);
    }
    for (ptrdiff_t j = 0; j < c->taps; j++) {
        block_of x, w;
        tap_of(&x, c, row, j, first, count);
        load_some(&w, c->weight + j * c->channels + first, count);
        EACH_PART { sum->part[p] = FMA(w.part[p], x.part[p], sum->part[p]); }
    }
}

LEVEL static void convolve(const sk_convolution *args, ptrdiff_t row_begin, ptrdiff_t row_end) {
    const sk_convolution c = *args;
    for (ptrdiff_t row = row_begin; row < row_end; row++) {
        for (ptrdiff_t first = 0; first < c.channels; first += BLOCK) {
            const ptrdiff_t count = c.channels - first;
            block_of sum, share;
            convolve_row(&sum, &c, row, first, count);
            logistic(&share, &sum);
            EACH_PART { sum.part[p] *= share.part[p]; }
            store_some(c.y + row * c.ld_y + first, &sum, count);
        }
    }
}

LEVEL static void convolve_backward(const sk_convolution_backward *args, ptrdiff_t channel_begin,
                                    ptrdiff_t channel_end) {
    const sk_convolution *c = &args->forward;
    for (ptrdiff_t first = channel_begin; first < channel_end; first += BLOCK) {
        const ptrdiff_t count = least(BLOCK, channel_end - first);
        for (ptrdiff_t row = 0; row < c->rows; row++) {
            block_of sum, share, dy;
            convolve_row(&sum, c, row, first, count);
            logistic(&share, &sum);
            load_some(&dy, args->dy + row * args->ld_dy + first, count);
            EACH_PART {
                const sk_v l = share.part[p];
                dy.part[p] *= l * (1.0f + sum.part[p] * (1.0f - l));
            }
            if (args->dbias != NULL) {
                add_some(args->dbias + first, &dy, count);
            }
            for (ptrdiff_t j = 0; j < c->taps; j++) {
                const ptrdiff_t place = row - (c->taps - 1) + j;
                block_of x, w;
                tap_of(&x, c, row, j, first, count);
                load_some(&w, c->weight + j * c->channels + first, count);
                EACH_PART {
                    x.part[p] *= dy.part[p];
                    w.part[p] *= dy.part[p];
                }
                add_some(args->dweight + j * c->channels + first, &x, count);
                if (place >= 0) {
                    add_some(args->dx + place * args->ld_dx + first, &w, count);
                }
            }
        }
    }
}
