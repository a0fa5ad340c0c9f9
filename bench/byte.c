/* byte IN OUT: the least that a stage can do: open what it reads, write one byte. Linked
 * statically, so that what is timed is who runs it. */
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char c = '1';
    if (argc != 3)
        return 64;
    int in = open(argv[1], O_RDONLY), out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    return in < 0 || read(in, &c, 1) < 0 || out < 0 || write(out, &c, 1) != 1 || close(out) < 0 ? 74
                                                                                                : 0;
}
