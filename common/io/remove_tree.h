#ifndef IO_REMOVE_TREE_H
#define IO_REMOVE_TREE_H

/** Remove a directory with all that is in it, or a file; links are not followed. What cannot be
 * removed stays. */
void remove_tree(const char *path);

#endif
