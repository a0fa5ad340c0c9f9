#ifndef TRAIN_DESCRIBE_MODEL_H
#define TRAIN_DESCRIBE_MODEL_H

/** train --describe-model FILE: the network of a network file or a model, layer by layer, on
 * standard output. Returns the exit status. */
int describe_model_main(int argc, char **argv);

#endif
