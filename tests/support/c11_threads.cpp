/// ThreadSanitizer knows POSIX threads, not those of C11 (<threads.h>), on which librdkafka stands:
/// a thread made by thrd_create() crashes it, and what mtx_lock() orders looks like a race. Under
/// it, the calls go to their POSIX siblings; glibc's objects of both are the same ones.

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PENSTOCK_C11_THREADS
#endif
#endif

#ifdef PENSTOCK_C11_THREADS

#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <memory>

namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t));

struct Start {
    thrd_start_t run;
    void* with;
};

void* run(void* given) {
    const std::unique_ptr<Start> start(static_cast<Start*>(given));
    const auto result = static_cast<std::intptr_t>(start->run(start->with));
    return reinterpret_cast<void*>(result);  // NOLINT: as glibc hands it on
}

pthread_mutex_t* posix(mtx_t* mutex) {
    return reinterpret_cast<pthread_mutex_t*>(mutex);  // NOLINT: the same object
}
pthread_cond_t* posix(cnd_t* condition) {
    return reinterpret_cast<pthread_cond_t*>(condition);  // NOLINT: the same object
}

int result(int error) {
    switch (error) {
        case 0:
            return thrd_success;
        case EAGAIN:
        case ENOMEM:
            return thrd_nomem;
        case ETIMEDOUT:
            return thrd_timedout;
        case EBUSY:
            return thrd_busy;
        default:
            return thrd_error;
    }
}

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t start, void* with) {
    auto given = std::make_unique<Start>(Start{start, with});
    const int error = ::pthread_create(thread, nullptr, &run, given.get());
    if (error == 0) static_cast<void>(given.release());
    return result(error);
}

int thrd_join(thrd_t thread, int* ended) {
    void* returned = nullptr;
    const int error = ::pthread_join(thread, &returned);
    if (ended != nullptr)
        *ended = static_cast<int>(reinterpret_cast<std::intptr_t>(returned));  // NOLINT: see run()
    return result(error);
}

int mtx_init(mtx_t* mutex, int type) {
    pthread_mutexattr_t kind;
    ::pthread_mutexattr_init(&kind);
    ::pthread_mutexattr_settype(
        &kind, (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL
    );
    const int error = ::pthread_mutex_init(posix(mutex), &kind);
    ::pthread_mutexattr_destroy(&kind);
    return result(error);
}
void mtx_destroy(mtx_t* mutex) {
    ::pthread_mutex_destroy(posix(mutex));
}
int mtx_lock(mtx_t* mutex) {
    return result(::pthread_mutex_lock(posix(mutex)));
}
int mtx_unlock(mtx_t* mutex) {
    return result(::pthread_mutex_unlock(posix(mutex)));
}

int cnd_init(cnd_t* condition) {
    return result(::pthread_cond_init(posix(condition), nullptr));
}
void cnd_destroy(cnd_t* condition) {
    ::pthread_cond_destroy(posix(condition));
}
int cnd_signal(cnd_t* condition) {
    return result(::pthread_cond_signal(posix(condition)));
}
int cnd_broadcast(cnd_t* condition) {
    return result(::pthread_cond_broadcast(posix(condition)));
}
int cnd_wait(cnd_t* condition, mtx_t* mutex) {
    return result(::pthread_cond_wait(posix(condition), posix(mutex)));
}
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
    return result(::pthread_cond_timedwait(posix(condition), posix(mutex), until));
}

}  // extern "C"

#endif
