/*
 * Thread-local destructors of a module that can be unloaded.
 *
 * Rust registers the destructors of thread-local values with the C library, which then keeps the module mapped
 * until each thread that has such a value has ended. The PBX's own threads end when they like, and a module that is
 * still mapped is the one that is loaded again, whatever was installed in its place. So the module brings its own
 * registry: a thread key, given back at unload. A PBX thread that lives on then forgets its few bytes.
 *
 * Hidden, so that it serves this module alone.
 */
#include <pthread.h>
#include <stdlib.h>

struct hook {
	void (*run)(void *);
	void *value;
	struct hook *next;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int usable;

/* The newest first, as the C library does; one that registers another while it runs is served too. */
static void run_hooks(void *first)
{
	struct hook *hook = first;

	while (hook) {
		struct hook *next = hook->next;

		hook->run(hook->value);
		free(hook);
		hook = next;
	}
}

static void create(void)
{
	usable = !pthread_key_create(&key, run_hooks);
}

__attribute__((visibility("hidden")))
int __cxa_thread_atexit_impl(void (*run)(void *), void *value, void *module)
{
	struct hook *hook;

	(void) module;
	pthread_once(&once, create);
	hook = usable ? malloc(sizeof(*hook)) : NULL;
	if (!hook) {
		return -1;
	}
	hook->run = run;
	hook->value = value;
	hook->next = pthread_getspecific(key);
	if (pthread_setspecific(key, hook)) {
		free(hook);
		return -1;
	}
	return 0;
}

__attribute__((visibility("hidden")))
void astsys_thread_exit_forget(void)
{
	if (usable) {
		usable = 0;
		pthread_key_delete(key);
	}
}
