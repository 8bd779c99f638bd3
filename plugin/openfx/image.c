#include "base.h"

#include "image.h"

static const size_t value_bytes[] = {1, 2, 2, 4};

void image_empty(struct image *image)
{
    memset(image, 0, sizeof *image);
    image->depth = DEPTH_FLOAT;
    image->channels = 4;
    image->alpha = ALPHA_PREMULTIPLIED;
}

static float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31;
    uint32_t fraction = half & 1023, bits;
    float value;
    if (exponent == 0) { /* zero, or a number without its leading bit: fraction / 2^24 */
        value = (float)fraction / 16777216.0f;
        return sign ? -value : value;
    }
    bits = exponent == 31 ? sign | 0x7f800000 | fraction << 13
                          : sign | (exponent + 112) << 23 | fraction << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To the nearest half; of two as near to the even one (IEEE 754). */
static uint16_t float_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return sign | 0x7e00;
    if (bits >= 0x477ff000) /* 65520 and more are rounded to infinity */
        return sign | 0x7c00;
    if (bits < 0x33000001) /* up to 2^-25: to zero */
        return sign;
    uint32_t shift = 13, number = bits & 0x7fffff, exponent = bits >> 23;
    if (exponent >= 113) {
        number |= (exponent - 112) << 23;
    } else { /* the leading bit becomes one of the fraction */
        number |= 0x800000;
        shift += 113 - exponent;
    }
    uint32_t half = number >> shift, rest = number & ((1u << shift) - 1);
    uint32_t middle = 1u << (shift - 1);
    if (rest > middle || (rest == middle && (half & 1)))
        half++;
    return (uint16_t)(sign | half);
}

static uint32_t to_integer(float value, float most)
{
    if (!(value > 0)) /* also what is not a number */
        return 0;
    return value >= 1 ? (uint32_t)most : (uint32_t)(value * most + 0.5f);
}

/* Of any depth but float, whose rows are copied whole. */
static float read_value(const unsigned char *place, enum depth depth)
{
    uint16_t word;
    switch (depth) {
    case DEPTH_BYTE:
        return (float)*place / 255.0f;
    case DEPTH_SHORT:
        memcpy(&word, place, sizeof word);
        return (float)word / 65535.0f;
    default:
        memcpy(&word, place, sizeof word);
        return half_to_float(word);
    }
}

static void write_value(unsigned char *place, enum depth depth, float value)
{
    uint16_t word;
    switch (depth) {
    case DEPTH_BYTE:
        *place = (unsigned char)to_integer(value, 255.0f);
        return;
    case DEPTH_SHORT:
        word = (uint16_t)to_integer(value, 65535.0f);
        memcpy(place, &word, sizeof word);
        return;
    default:
        word = float_to_half(value);
        memcpy(place, &word, sizeof word);
    }
}

static unsigned char *pixel_at(const struct image *image, int x, int y)
{
    ptrdiff_t pixel_bytes = (ptrdiff_t)value_bytes[image->depth] * image->channels;
    return image->data + (y - image->y1) * image->row_bytes + (x - image->x1) * pixel_bytes;
}

void image_read(const struct image *image, int y, int x1, int x2, float *out)
{
    memset(out, 0, (size_t)(x2 - x1) * (size_t)image->channels * sizeof *out);
    int first = x1 > image->x1 ? x1 : image->x1, last = x2 < image->x2 ? x2 : image->x2;
    if (y < image->y1 || y >= image->y2 || first >= last)
        return;
    const unsigned char *place = pixel_at(image, first, y);
    int values = (last - first) * image->channels;
    out += (first - x1) * image->channels;
    if (image->depth == DEPTH_FLOAT) {
        memcpy(out, place, (size_t)values * sizeof *out);
        return;
    }
    for (int index = 0; index < values; index++, place += value_bytes[image->depth])
        out[index] = read_value(place, image->depth);
}

void image_write(const struct image *image, int y, int x1, int x2, const float *row)
{
    unsigned char *place = pixel_at(image, x1, y);
    int values = (x2 - x1) * image->channels;
    if (image->depth == DEPTH_FLOAT) {
        memcpy(place, row, (size_t)values * sizeof *row);
        return;
    }
    for (int index = 0; index < values; index++, place += value_bytes[image->depth])
        write_value(place, image->depth, row[index]);
}
