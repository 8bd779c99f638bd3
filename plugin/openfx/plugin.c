/* The entry points that the host finds in the binary. */

#include "base.h"

#include "actions.h"
#include "host.h"
#include "source.h"

#ifdef _WIN32
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

static const ofx_host *given;

static ofx_status clip_preferences(ofx_properties out)
{
    /* even with a still Source every frame has a matte of its own */
    host.properties->set_int(out, OFX_FRAME_VARYING, 0, 1);
    host.properties->set_string(out, OFX_PREMULTIPLICATION, 0, OFX_PREMULTIPLIED);
    return OFX_OK;
}

static ofx_status instance_create(ofx_effect effect)
{
    ofx_properties set = NULL;
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL)
        return OFX_OUT_OF_MEMORY;
    lock_init(&instance->lock);
    source_init(instance);
    if (host.effects->get_properties(effect, &set) != OFX_OK ||
        host.properties->set_pointer(set, OFX_INSTANCE_DATA, 0, instance) != OFX_OK) {
        free(instance);
        return OFX_FAILED;
    }
    show_keyframes(effect);
    return OFX_OK;
}

static ofx_status instance_destroy(ofx_effect effect)
{
    ofx_properties set = NULL;
    struct instance *instance = instance_of(effect);
    if (instance == NULL)
        return OFX_OK;
    if (host.effects->get_properties(effect, &set) == OFX_OK)
        host.properties->set_pointer(set, OFX_INSTANCE_DATA, 0, NULL);
    lock_destroy(&instance->lock);
    free(instance->job);
    free(instance->pushed_frames);
    free(instance);
    return OFX_OK;
}

static ofx_status entry(const char *action, const void *handle, ofx_properties in,
                        ofx_properties out)
{
    ofx_effect effect = (ofx_effect)(uintptr_t)handle; /* the host's own, not constant */
    if (strcmp(action, OFX_LOAD) == 0)
        return host_load(given) ? OFX_OK : OFX_MISSING_HOST_FEATURE;
    if (host.effects == NULL)
        return OFX_FAILED; /* called before the load action */
    if (strcmp(action, OFX_RENDER) == 0)
        return render(effect, in);
    if (strcmp(action, OFX_GET_FRAMES_NEEDED) == 0)
        return frames_needed(effect, in, out);
    if (strcmp(action, OFX_INSTANCE_CHANGED) == 0)
        return instance_changed(effect, in);
    if (strcmp(action, OFX_GET_CLIP_PREFERENCES) == 0)
        return clip_preferences(out);
    if (strcmp(action, OFX_GET_REGION_OF_DEFINITION) == 0)
        return region_of_definition(effect, in, out);
    if (strcmp(action, OFX_GET_REGIONS_OF_INTEREST) == 0)
        return regions_of_interest(effect, in, out);
    if (strcmp(action, OFX_DESCRIBE) == 0)
        return describe(effect);
    if (strcmp(action, OFX_DESCRIBE_IN_CONTEXT) == 0)
        return describe_in_context(effect, in);
    if (strcmp(action, OFX_CREATE_INSTANCE) == 0)
        return instance_create(effect);
    if (strcmp(action, OFX_DESTROY_INSTANCE) == 0)
        return instance_destroy(effect);
    return OFX_REPLY_DEFAULT;
}

static void set_host(ofx_host *from)
{
    given = from;
}

static ofx_plugin plugin = {OFX_API, 1, "org.rde-roto.roto", 1, 0, set_host, entry};

EXPORTED int OfxGetNumberOfPlugins(void);
EXPORTED ofx_plugin *OfxGetPlugin(int number);

int OfxGetNumberOfPlugins(void)
{
    return 1;
}

ofx_plugin *OfxGetPlugin(int number)
{
    return number == 0 ? &plugin : NULL;
}
