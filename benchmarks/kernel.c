/* The peer in C: per-sample SGD, cross-entropy with softmax, hidden sigmoid or tanh, zero inputs skipped.

   cc -O3 -march=native -ffast-math -shared -fPIC (see peers.py). W1 is (d, h), W2 (k, h), both by rows; the examples
   are `values` in `columns`, those of row i from pointers[i] to pointers[i + 1]. */

#include <math.h>
#include <stdint.h>

/* A function of its own, because gcc 12 otherwise exchanges the loops over inputs and hidden units, gathers, and
   takes twice as long. */
static __attribute__((noinline)) void add(int64_t n, float a, const float *restrict x, float *restrict y)
{
    for (int64_t j = 0; j < n; j++)
        y[j] += a * x[j];
}

void epoch(float *restrict W1, float *restrict b1, float *restrict W2, float *restrict b2,
           const float *restrict values, const uint16_t *restrict columns, const int64_t *restrict pointers,
           const float *restrict Y, const int64_t *restrict order, int64_t n, int64_t h, int64_t k, float rate,
           int64_t tanh_hidden, float *restrict A1, float *restrict dZ1, float *restrict A2)
{
    for (int64_t i = 0; i < n; i++) {
        const int64_t row = order[i], start = pointers[row], stop = pointers[row + 1];
        for (int64_t j = 0; j < h; j++)
            A1[j] = b1[j];
        for (int64_t p = start; p < stop; p++)
            add(h, values[p], W1 + columns[p] * h, A1);
        if (tanh_hidden)
            for (int64_t j = 0; j < h; j++)
                A1[j] = tanhf(A1[j]);
        else
            for (int64_t j = 0; j < h; j++)
                A1[j] = 0.5f + 0.5f * tanhf(0.5f * A1[j]);
        float largest = -INFINITY, sum = 0;
        for (int64_t c = 0; c < k; c++) {
            float z = b2[c];
            for (int64_t j = 0; j < h; j++)
                z += A1[j] * W2[c * h + j];
            A2[c] = z;
            largest = z > largest ? z : largest;
        }
        for (int64_t c = 0; c < k; c++)
            sum += A2[c] = expf(A2[c] - largest);
        for (int64_t j = 0; j < h; j++)
            dZ1[j] = 0;
        for (int64_t c = 0; c < k; c++) {
            const float error = A2[c] / sum - Y[row * k + c];
            add(h, error, W2 + c * h, dZ1);
            add(h, -rate * error, A1, W2 + c * h);
            b2[c] -= rate * error;
        }
        for (int64_t j = 0; j < h; j++) {
            dZ1[j] *= rate * (tanh_hidden ? 1 - A1[j] * A1[j] : A1[j] * (1 - A1[j]));
            b1[j] -= dZ1[j];
        }
        for (int64_t p = start; p < stop; p++)
            add(h, -values[p], dZ1, W1 + columns[p] * h);
    }
}
