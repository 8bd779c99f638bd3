#include "base.h"

#ifdef _WIN32

#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <windows.h>

#include "system.h"

#define TO_1970_100NS 116444736000000000 /* from 1601, where file times begin */
#define MAX_VARIABLE 32768               /* characters, by the system's own limit */

bool system_start(void)
{
    WSADATA found;
    return WSAStartup(MAKEWORD(2, 2), &found) == 0;
}

int64_t now_ms(void)
{
    return (int64_t)GetTickCount64();
}

int64_t now_since_1970_ns(void)
{
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    int64_t since_1601 = (int64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
    return (since_1601 - TO_1970_100NS) * 100;
}

void sleep_ms(int ms)
{
    Sleep((DWORD)ms);
}

long process_id(void)
{
    return (long)GetCurrentProcessId();
}

void add_user(struct text *text)
{
    if (!add_setting(text, "USERNAME"))
        text_add(text, "user");
}

static SRWLOCK *slim(struct lock *lock)
{
    return (SRWLOCK *)&lock->slim;
}

void lock_init(struct lock *lock)
{
    InitializeSRWLock(slim(lock));
}

void lock_destroy(struct lock *lock)
{
    (void)lock;
}

void lock_take(struct lock *lock)
{
    AcquireSRWLockExclusive(slim(lock));
}

void lock_give_back(struct lock *lock)
{
    ReleaseSRWLockExclusive(slim(lock));
}

/* A copy that the caller frees; NULL for text that is no UTF-8, or without memory. */
static wchar_t *to_wide(const char *chars)
{
    int count = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, chars, -1, NULL, 0);
    wchar_t *wide = count > 0 ? malloc((size_t)count * sizeof *wide) : NULL;
    if (wide != NULL)
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, chars, -1, wide, count);
    return wide;
}

static void add_wide(struct text *text, const wchar_t *wide)
{
    int count = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *chars = count > 0 ? malloc((size_t)count) : NULL;
    if (chars == NULL) {
        text->failed = true;
        return;
    }
    WideCharToMultiByte(CP_UTF8, 0, wide, -1, chars, count, NULL, NULL);
    text_add(text, chars);
    free(chars);
}

bool add_setting(struct text *text, const char *name)
{
    wchar_t *wide = to_wide(name), *value = malloc(MAX_VARIABLE * sizeof *value);
    DWORD length = wide != NULL && value != NULL
                       ? GetEnvironmentVariableW(wide, value, MAX_VARIABLE)
                       : 0;
    bool there = length > 0 && length < MAX_VARIABLE;
    if (there)
        add_wide(text, value);
    free(wide);
    free(value);
    return there;
}

void add_config_folder(struct text *text)
{
    if (add_setting(text, "APPDATA"))
        return;
    add_setting(text, "USERPROFILE");
    text_add(text, "/.config");
}

const char *default_temporary_folder(void)
{
    return "C:\\TEMP";
}

static bool is_separator(char one)
{
    return one == '\\' || one == '/';
}

/* C:\shots or \\server\share */
bool is_absolute(const char *path)
{
    bool has_drive = ((*path >= 'A' && *path <= 'Z') || (*path >= 'a' && *path <= 'z')) &&
                     path[1] == ':' && is_separator(path[2]);
    return has_drive || (is_separator(path[0]) && is_separator(path[1]));
}

static DWORD attributes_of(const char *path)
{
    wchar_t *wide = to_wide(path);
    DWORD found = wide != NULL ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
    free(wide);
    return found;
}

bool path_exists(const char *path)
{
    return attributes_of(path) != INVALID_FILE_ATTRIBUTES;
}

bool is_folder(const char *path)
{
    DWORD found = attributes_of(path);
    return found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_DIRECTORY);
}

/* It lies in the user's own temporary folder, which Windows lets no other user into. */
bool is_own_folder(const char *path)
{
    return is_folder(path);
}

char *read_file(const char *path, size_t most, size_t *length)
{
    wchar_t *wide = to_wide(path);
    char *bytes = malloc(most + 1);
    DWORD came = 1, share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    HANDLE file = wide != NULL ? CreateFileW(wide, GENERIC_READ, share, NULL, OPEN_EXISTING,
                                             FILE_ATTRIBUTE_NORMAL, NULL)
                               : INVALID_HANDLE_VALUE;
    bool good = bytes != NULL && file != INVALID_HANDLE_VALUE;
    *length = 0;
    while (good && came > 0 && *length <= most) {
        good = ReadFile(file, bytes + *length, (DWORD)(most + 1 - *length), &came, NULL);
        *length += good ? came : 0;
    }
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    free(wide);
    if (good && came == 0)
        return bytes;
    free(bytes);
    return NULL;
}

bool passed_holds(int descriptor, int64_t bytes)
{
    (void)descriptor, (void)bytes;
    return false;
}

bool passed_read(int descriptor, int64_t offset, void *out, size_t bytes)
{
    (void)descriptor, (void)offset, (void)out, (void)bytes;
    return false;
}

void passed_close(int descriptor)
{
    (void)descriptor;
}

/* Engines listen on a port here: Python has no Unix sockets on Windows. */
intptr_t socket_to_unix(const char *path)
{
    (void)path;
    return NO_SOCKET;
}

intptr_t socket_to_port(int port)
{
    struct sockaddr_in address;
    u_long on = 1;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((u_short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SOCKET found = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                              WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (found == INVALID_SOCKET)
        return NO_SOCKET;
    if (ioctlsocket(found, FIONBIO, &on) == 0 &&
        (connect(found, (const struct sockaddr *)&address, sizeof address) == 0 ||
         WSAGetLastError() == WSAEWOULDBLOCK))
        return (intptr_t)found;
    closesocket(found);
    return NO_SOCKET;
}

bool socket_is_connected(intptr_t socket)
{
    struct sockaddr_in address;
    int length = sizeof address;
    return getpeername((SOCKET)socket, (struct sockaddr *)&address, &length) == 0;
}

void socket_close(intptr_t socket)
{
    if (socket != NO_SOCKET)
        closesocket((SOCKET)socket);
}

/* select, since WSAPoll does not report a refused connection before Windows 10, version 2004. */
int socket_wait(intptr_t socket, bool to_send, int ms)
{
    fd_set wanted, failed;
    struct timeval limit = {ms / 1000, ms % 1000 * 1000};
    FD_ZERO(&wanted);
    FD_ZERO(&failed);
    FD_SET((SOCKET)socket, &wanted);
    FD_SET((SOCKET)socket, &failed);
    int found = select(0, to_send ? NULL : &wanted, to_send ? &wanted : NULL, &failed, &limit);
    if (found == SOCKET_ERROR || FD_ISSET((SOCKET)socket, &failed))
        return -1;
    return found > 0;
}

static int at_most(size_t count)
{
    return count < 1 << 30 ? (int)count : 1 << 30;
}

static ptrdiff_t moved(int count)
{
    if (count > 0)
        return count;
    return count == SOCKET_ERROR && WSAGetLastError() == WSAEWOULDBLOCK ? 0 : -1;
}

ptrdiff_t socket_send(intptr_t socket, const void *bytes, size_t count)
{
    return moved(send((SOCKET)socket, bytes, at_most(count), 0));
}

ptrdiff_t socket_receive(intptr_t socket, void *bytes, size_t count)
{
    return moved(recv((SOCKET)socket, bytes, at_most(count), 0));
}

ptrdiff_t socket_receive_passed(intptr_t socket, void *bytes, size_t count, int *descriptor,
                                bool *good)
{
    (void)descriptor;
    *good = true;
    return socket_receive(socket, bytes, count);
}

/* One argument of a command line, as the C library of the program takes it apart again. */
static void add_argument(struct text *line, const char *argument)
{
    size_t slashes = 0;
    text_add(line, line->length > 0 ? " \"" : "\"");
    for (; *argument; argument++) {
        if (*argument == '"')
            for (slashes++; slashes > 0; slashes--) /* each before a quote counts twice */
                text_add(line, "\\");
        slashes = *argument == '\\' ? slashes + 1 : 0;
        text_add_bytes(line, argument, 1);
    }
    for (; slashes > 0; slashes--)
        text_add(line, "\\");
    text_add(line, "\"");
}

/* The variables that are kept, each with its zero, and one more zero. */
static wchar_t *make_environment(bool (*keeps)(const char *variable))
{
    wchar_t *all = GetEnvironmentStringsW(), *end = all;
    while (all != NULL && *end)
        end += wcslen(end) + 1;
    wchar_t *made = all != NULL ? malloc((size_t)(end - all + 2) * sizeof *made) : NULL;
    wchar_t *to = made;
    for (wchar_t *one = all; made != NULL && *one; one += wcslen(one) + 1) {
        struct text variable = {0};
        add_wide(&variable, one);
        if (!variable.failed && keeps(variable.chars)) {
            wcscpy(to, one);
            to += wcslen(one) + 1;
        }
        text_free(&variable);
    }
    if (made != NULL)
        to[0] = to[1] = 0;
    if (all != NULL)
        FreeEnvironmentStringsW(all);
    return made;
}

bool start_program(char *const arguments[], bool (*keeps)(const char *variable))
{
    struct text line = {0};
    STARTUPINFOW setup;
    PROCESS_INFORMATION process;
    memset(&setup, 0, sizeof setup);
    setup.cb = sizeof setup;
    for (int index = 0; arguments[index] != NULL; index++)
        add_argument(&line, arguments[index]);
    wchar_t *program = to_wide(arguments[0]);
    wchar_t *wide = line.failed ? NULL : to_wide(line.chars);
    wchar_t *environment = make_environment(keeps);
    /* DETACHED_PROCESS instead would open a window for every process that the engine starts */
    DWORD flags = CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | CREATE_UNICODE_ENVIRONMENT;
    bool good = program != NULL && wide != NULL && environment != NULL &&
                CreateProcessW(program, wide, NULL, NULL, FALSE, flags, environment, L"C:\\",
                               &setup, &process);
    if (good) {
        CloseHandle(process.hThread);
        CloseHandle(process.hProcess);
    }
    free(program);
    free(wide);
    free(environment);
    text_free(&line);
    return good;
}

#endif
