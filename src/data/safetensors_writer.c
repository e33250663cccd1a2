/* See safetensors_writer.h. */
#include "data/safetensors_writer.h"
#include "data/json_text.h"

#define WN_WHERE "data/safetensors_writer"
#define ALIGN    8 /* of the data in the file */

/* transformers wants to be told in what framework's layout tensors are. */
#define METADATA "{\"__metadata__\":{\"format\":\"pt\"}"

static void push_tensor(wn_buf *header, const wn_tensor_view *tensor, uint64_t start)
{
    wn_buf_push_byte(header, ',');
    wn_json_push_string(header, tensor->name);
    wn_buf_printf(header, ":{\"dtype\":\"%s\",\"shape\":[", tensor->dtype_name);
    for (size_t i = 0; i < tensor->n_dims; i++)
        wn_buf_printf(header, "%s%zu", i > 0 ? "," : "", tensor->dims[i]);
    wn_buf_printf(header, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)start,
                  (unsigned long long)(start + tensor->bytes));
}

/* Length and header as they stand in the file, into *out; the bytes of all tensors into *data. */
static wn_status make_header(wn_buf *out, uint64_t *data, const char *path,
                             const wn_tensor_view *tensors, size_t n, wn_error *err)
{
    char length[8] = {0};
    uint64_t bytes = 0;
    wn_buf_push(out, length, sizeof length);
    wn_buf_printf(out, METADATA);
    for (size_t i = 0; i < n; i++) {
        push_tensor(out, &tensors[i], bytes);
        if (tensors[i].bytes > INT64_MAX - bytes)
            WN_FAIL(err, WN_ERR_LIMIT, "'%s': tensors of over 2^63 bytes", path);
        bytes += tensors[i].bytes;
    }
    wn_buf_push_byte(out, '}');
    while (!out->failed && out->len % ALIGN != 0)
        wn_buf_push_byte(out, ' ');
    if (out->failed)
        WN_FAIL(err, WN_ERR_MEMORY, "'%s': no memory for a header of %zu tensors", path, n);
    size_t header = out->len - sizeof length;
    if (header > WN_SAFETENSORS_HEADER_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "'%s': a header of %zu bytes, at most %u can be read", path,
                header, WN_SAFETENSORS_HEADER_MAX);
    for (size_t i = 0; i < sizeof length; i++)
        out->ptr[i] = (char)((uint64_t)header >> 8 * i);
    *data = bytes;
    return WN_OK;
}

wn_status wn_safetensors_writer_open(wn_safetensors_writer *writer, const char *path,
                                     const wn_tensor_view *tensors, size_t n, wn_error *err)
{
    wn_buf header = WN_BUF_INIT;
    *writer = (wn_safetensors_writer){.file = {.fd = -1}};
    wn_status status = make_header(&header, &writer->data_bytes, path, tensors, n, err);
    if (status == WN_OK)
        status = wn_new_file_open(&writer->file, path, err);
    if (status == WN_OK)
        status = wn_new_file_write(&writer->file, wn_buf_str(&header), err);
    wn_buf_deinit(&header);
    return status;
}

wn_status wn_safetensors_writer_write(wn_safetensors_writer *writer, const void *bytes, size_t n,
                                      wn_error *err)
{
    WN_ASSERT(n <= writer->data_bytes - writer->written);
    WN_TRY(wn_new_file_write(&writer->file, (wn_str){bytes, n}, err));
    writer->written += n;
    return WN_OK;
}

wn_status wn_safetensors_writer_commit(wn_safetensors_writer *writer, wn_error *err)
{
    WN_ASSERT(writer->written == writer->data_bytes);
    return wn_new_file_commit(&writer->file, err);
}

void wn_safetensors_writer_deinit(wn_safetensors_writer *writer)
{
    wn_new_file_deinit(&writer->file);
}
