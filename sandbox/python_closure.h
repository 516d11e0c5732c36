/*
 * python_closure.h - callbacks of ctypes in interpreters that may not make memory executable.
 */
#ifndef PYBOX_PYTHON_CLOSURE_H
#define PYBOX_PYTHON_CLOSURE_H

/*
 * In a zygote, once Python is up: makes libffi map the code of its trampolines, which its children inherit. Without ctypes,
 * or where libffi cannot by private pages, it does nothing and callbacks in trusted children raise MemoryError. Leaves no exception.
 */
void closure_prepare(void);

#endif
