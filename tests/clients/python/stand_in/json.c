// A stand-in for RedisJSON: its type name, and JSON.SET and JSON.GET of whole documents. It does not parse them.
//
// RedisJSON cannot be installed where these tests run. What the mover depends on is here: TYPE, SCAN TYPE, WATCH, and a
// document as the reply of JSON.GET.
#include "redismodule.h"

static RedisModuleType *Document;

static void release(void *value) { RedisModule_FreeString(NULL, value); }

static void save(RedisModuleIO *io, void *value) { RedisModule_SaveString(io, value); }

static void *load(RedisModuleIO *io, int version) {
    (void)version;
    return RedisModule_LoadString(io);
}

static int set(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 4) return RedisModule_WrongArity(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_WRITE);
    RedisModule_RetainString(ctx, argv[3]);
    RedisModule_ModuleTypeSetValue(key, Document, argv[3]);
    RedisModule_CloseKey(key);
    RedisModule_ReplicateVerbatim(ctx);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int get(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc != 2) return RedisModule_WrongArity(ctx);
    RedisModuleKey *key = RedisModule_OpenKey(ctx, argv[1], REDISMODULE_READ);
    int code = RedisModule_ModuleTypeGetType(key) == Document
                   ? RedisModule_ReplyWithString(ctx, RedisModule_ModuleTypeGetValue(key))
                   : RedisModule_ReplyWithNull(ctx);
    RedisModule_CloseKey(key);
    return code;
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv, (void)argc;
    if (RedisModule_Init(ctx, "ReJSON", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR) return REDISMODULE_ERR;
    RedisModuleTypeMethods methods = {
        .version = REDISMODULE_TYPE_METHOD_VERSION, .rdb_save = save, .rdb_load = load, .free = release};
    Document = RedisModule_CreateDataType(ctx, "ReJSON-RL", 3, &methods);
    if (Document == NULL) return REDISMODULE_ERR;
    if (RedisModule_CreateCommand(ctx, "JSON.SET", set, "write", 1, 1, 1) == REDISMODULE_ERR) return REDISMODULE_ERR;
    return RedisModule_CreateCommand(ctx, "JSON.GET", get, "readonly", 1, 1, 1);
}
