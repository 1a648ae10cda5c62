/*
 * The PBX headers that are bound, and its macros as one-line functions: bindgen sees functions only.
 */
#define AST_MODULE "asterisk-sys"
#define AST_MODULE_SELF_SYM astsys_module_self_unused

#include <asterisk.h>
#include <asterisk/app.h>
#include <asterisk/ast_version.h>
#include <asterisk/astobj2.h>
#include <asterisk/bridge.h>
#include <asterisk/callerid.h>
#include <asterisk/causes.h>
#include <asterisk/channel.h>
#include <asterisk/cli.h>
#include <asterisk/datastore.h>
#include <asterisk/devicestate.h>
#include <asterisk/endpoints.h>
#include <asterisk/features.h>
#include <asterisk/file.h>
#include <asterisk/format_cache.h>
#include <asterisk/format_cap.h>
#include <asterisk/frame.h>
#include <asterisk/logger.h>
#include <asterisk/manager.h>
#include <asterisk/max_forwards.h>
#include <asterisk/module.h>
#include <asterisk/musiconhold.h>
#include <asterisk/pbx.h>
#include <asterisk/sched.h>
#include <asterisk/stasis.h>
#include <asterisk/stasis_channels.h>
#include <asterisk/stasis_endpoints.h>

/* The licence statement a module must hand over word for word. */
static inline const char *astsys_gpl_key(void) { return ASTERISK_GPL_KEY; }

/* Locks two channels in an order that cannot deadlock. */
static inline void astsys_lock_both(struct ast_channel *one, struct ast_channel *two) { ast_channel_lock_both(one, two); }

/* No hang-up is scheduled for the channel from now on. */
static inline void astsys_forget_hangup_time(struct ast_channel *chan)
{ memset(ast_channel_whentohangup(chan), 0, sizeof(*ast_channel_whentohangup(chan))); }

/* How the PBX spells the name of a channel technology; null if it has none of that name. */
static inline const char *astsys_technology(const char *name)
{ const struct ast_channel_tech *tech = ast_get_channel_tech(name); return tech ? tech->type : NULL; }

/* Whether the PBX steps through the dialplan for the channel: its priority is one less than the next then. */
static inline int astsys_in_dialplan_loop(struct ast_channel *chan)
{ return ast_test_flag(ast_channel_flags(chan), AST_FLAG_IN_AUTOLOOP) ? 1 : 0; }

/* The PBX placed the call by itself: nobody dialled it. */
static inline void astsys_set_originated(struct ast_channel *chan)
{ ast_set_flag(ast_channel_flags(chan), AST_FLAG_ORIGINATED); }
