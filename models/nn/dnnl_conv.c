#include "models/nn/dnnl_conv.h"
size_t dnnl_conv_block(void){return 0;}
struct dnnl_conv *dnnl_conv_new(const struct dnnl_conv_shape *s, int n_worker){(void)s;(void)n_worker;return NULL;}
void dnnl_conv_free(struct dnnl_conv *c){(void)c;}
size_t dnnl_conv_scratch(const struct dnnl_conv *c){(void)c;return 0;}
const char *dnnl_conv_name(const struct dnnl_conv *c){(void)c;return "";}
void dnnl_conv_weights(struct dnnl_conv *c, const float *kernel, const float *bias){(void)c;(void)kernel;(void)bias;}
void dnnl_conv_forward(const struct dnnl_conv *c, int worker, size_t n, const float *x, float *y, float *scratch){(void)c;(void)worker;(void)n;(void)x;(void)y;(void)scratch;}
void dnnl_conv_backward(const struct dnnl_conv *c, int worker, size_t n, const float *x, float *dy, float *dx, float *dW, float *db, float *scratch){(void)c;(void)worker;(void)n;(void)x;(void)dy;(void)dx;(void)dW;(void)db;(void)scratch;}
