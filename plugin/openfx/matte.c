#include "base.h"

#include <math.h>

#include "matte.h"

static bool in_bounds(const int64_t sides[4])
{
    const int64_t farthest = 1 << 20;
    return sides[2] >= 1 && sides[2] <= MAX_SIDE_PX && sides[3] >= 1 && sides[3] <= MAX_SIDE_PX &&
           sides[0] >= -farthest && sides[0] <= farthest && sides[1] >= -farthest &&
           sides[1] <= farthest;
}

bool window_of(const int64_t data[4], const int64_t display[4], struct window *window)
{
    if (!in_bounds(data) || !in_bounds(display))
        return false;
    window->left = (int)(data[0] - display[0]);
    window->bottom = (int)(display[1] + display[3] - data[1] - data[3]);
    window->width = (int)data[2];
    window->height = (int)data[3];
    return true;
}

bool matte_begin(struct matte *matte, int width)
{
    matte->row = malloc((size_t)matte->window.width * sizeof *matte->row);
    matte->sums = malloc((size_t)width * sizeof *matte->sums);
    if (matte->row != NULL && matte->sums != NULL)
        return true;
    matte_end(matte);
    return false;
}

void matte_end(struct matte *matte)
{
    free(matte->row);
    free(matte->sums);
    matte->row = NULL;
    matte->sums = NULL;
}

static int clamp(double value, int least, int most)
{
    return value <= least ? least : value >= most ? most : (int)value;
}

/* Some floats of row `y`, counted from the bottom row of the matte. */
static bool read_plate(const struct matte *matte, int y, int x, int count, float *out)
{
    size_t row = (size_t)(matte->window.height - 1 - y);
    size_t offset = (row * (size_t)matte->window.width + (size_t)x) * sizeof *out;
    return pixels_read(matte->pixels, offset, out, (size_t)count * sizeof *out);
}

static bool copy_row(const struct matte *matte, int y, int x1, int x2, float *out)
{
    const struct window *window = &matte->window;
    int first = clamp((double)x1 - window->left, 0, window->width);
    int last = clamp((double)x2 - window->left, 0, window->width);
    double above = (double)y - window->bottom;
    if (above < 0 || above >= window->height || first >= last)
        return true;
    return read_plate(matte, (int)above, first, last - first, out + (first + window->left - x1));
}

/* How much of the interval `at` to `at` + 1 lies between two bounds. */
static double overlap(int at, double low, double high)
{
    double from = at > low ? at : low, to = at + 1 < high ? at + 1 : high;
    return to > from ? to - from : 0;
}

static void add_row(const struct matte *matte, double weight, int x1, int x2)
{
    for (int x = x1; x < x2; x++) {
        double low = x / matte->scale_x - matte->window.left;
        double high = (x + 1) / matte->scale_x - matte->window.left;
        int last = clamp(ceil(high), 0, matte->window.width);
        for (int at = clamp(floor(low), 0, matte->window.width); at < last; at++)
            matte->sums[x - x1] += weight * overlap(at, low, high) * matte->row[at];
    }
}

static bool mean_row(const struct matte *matte, int y, int x1, int x2, float *out)
{
    double low = y / matte->scale_y - matte->window.bottom;
    double high = (y + 1) / matte->scale_y - matte->window.bottom;
    int last = clamp(ceil(high), 0, matte->window.height);
    memset(matte->sums, 0, (size_t)(x2 - x1) * sizeof *matte->sums);
    for (int at = clamp(floor(low), 0, matte->window.height); at < last; at++) {
        if (!read_plate(matte, at, 0, matte->window.width, matte->row))
            return false;
        add_row(matte, overlap(at, low, high), x1, x2);
    }
    for (int x = x1; x < x2; x++)
        out[x - x1] = (float)(matte->sums[x - x1] * matte->scale_x * matte->scale_y);
    return true;
}

bool matte_row(const struct matte *matte, int y, int x1, int x2, float *out)
{
    memset(out, 0, (size_t)(x2 - x1) * sizeof *out);
    if (matte->scale_x == 1 && matte->scale_y == 1)
        return copy_row(matte, y, x1, x2, out);
    return mean_row(matte, y, x1, x2, out);
}
