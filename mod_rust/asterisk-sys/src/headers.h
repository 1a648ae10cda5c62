/*
 * The PBX headers that are bound, and its macros as one-line functions: bindgen sees functions only.
 */
#define AST_MODULE "asterisk-sys"
#define AST_MODULE_SELF_SYM astsys_module_self_unused

#include <asterisk.h>
#include <asterisk/alertpipe.h>
#include <asterisk/app.h>
#include <asterisk/ast_version.h>
#include <asterisk/astobj2.h>
#include <asterisk/audiohook.h>
#include <asterisk/autochan.h>
#include <asterisk/bridge.h>
#include <asterisk/bridge_channel.h>
#include <asterisk/bridge_features.h>
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
#include <asterisk/framehook.h>
#include <asterisk/logger.h>
#include <asterisk/manager.h>
#include <asterisk/max_forwards.h>
#include <asterisk/mixmonitor.h>
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

/* Whether the channel is hung up, or left over from a move: nothing may be hung on it any more. */
static inline int astsys_is_zombie(struct ast_channel *chan)
{ return ast_test_flag(ast_channel_flags(chan), AST_FLAG_ZOMBIE) ? 1 : 0; }

/* The PBX placed the call by itself: nobody dialled it. */
static inline void astsys_set_originated(struct ast_channel *chan)
{ ast_set_flag(ast_channel_flags(chan), AST_FLAG_ORIGINATED); }

/* Keeps little audio, and both directions of it together. */
static inline void astsys_hook_keep_short(struct ast_audiohook *hook)
{ ast_set_flag(hook, AST_AUDIOHOOK_TRIGGER_SYNC | AST_AUDIOHOOK_SMALL_QUEUE); }

/* Whether a channel still has the hook. */
static inline int astsys_hook_runs(struct ast_audiohook *hook)
{
	int runs;
	ast_audiohook_lock(hook);
	runs = hook->status == AST_AUDIOHOOK_STATUS_RUNNING;
	ast_audiohook_unlock(hook);
	return runs;
}

/* Takes the hook off the channel that has it now, if one has. */
static inline void astsys_hook_remove(struct ast_autochan *where, struct ast_audiohook *hook)
{
	ast_autochan_channel_lock(where);
	ast_audiohook_remove(where->chan, hook);
	ast_autochan_channel_unlock(where);
}

/* Takes so many samples, at 8 kHz, of both directions together; 0 if there are not so many. */
static inline int astsys_hook_take(struct ast_audiohook *hook, short *samples, int count)
{
	struct ast_frame *frame;
	int taken;
	ast_audiohook_lock(hook);
	frame = ast_audiohook_read_frame(hook, count, AST_AUDIOHOOK_DIRECTION_BOTH, ast_format_slin);
	ast_audiohook_unlock(hook);
	if (!frame) {
		return 0;
	}
	taken = frame->datalen == count * (int) sizeof(*samples);
	if (taken) {
		memcpy(samples, frame->data.ptr, frame->datalen);
	}
	ast_frfree(frame);
	return taken;
}

/* Samples at 8 kHz as the PBX has them. They stay the caller's. */
static inline struct ast_frame astsys_voice(short *samples, int count)
{
	struct ast_frame frame = {
		.frametype = AST_FRAME_VOICE,
		.subclass.format = ast_format_slin,
		.datalen = count * (int) sizeof(*samples),
		.samples = count,
		.data.ptr = samples,
		.src = "module",
	};
	return frame;
}

/* Mixes samples into what is written to the channel that has the hook, or into what is read from it. */
static inline void astsys_hook_feed(struct ast_audiohook *hook, int written, short *samples, int count)
{
	struct ast_frame frame = astsys_voice(samples, count);
	ast_audiohook_lock(hook);
	ast_audiohook_write_frame(hook, written ? AST_AUDIOHOOK_DIRECTION_WRITE : AST_AUDIOHOOK_DIRECTION_READ, &frame);
	ast_audiohook_unlock(hook);
}

/* Plays samples to a channel. */
static inline int astsys_play(struct ast_channel *chan, short *samples, int count)
{
	struct ast_frame frame = astsys_voice(samples, count);
	return ast_write(chan, &frame);
}

/* The samples of a voice frame at 8 kHz; null if it is none. */
static inline short *astsys_samples(struct ast_frame *frame)
{
	return frame->frametype == AST_FRAME_VOICE && ast_format_cmp(frame->subclass.format, ast_format_slin) == AST_FORMAT_CMP_EQUAL
		? frame->data.ptr : NULL;
}

/* Makes silence of a voice frame, as long as it was; 0 if it has a format of which nobody can tell what silence is. */
static inline int astsys_silence(struct ast_frame *frame)
{
	struct ast_format *format = frame->subclass.format;
	int fill;
	if (ast_format_cmp(format, ast_format_ulaw) == AST_FORMAT_CMP_EQUAL) {
		fill = 0xff;
	} else if (ast_format_cmp(format, ast_format_alaw) == AST_FORMAT_CMP_EQUAL) {
		fill = 0xd5;
	} else if (ast_format_cache_is_slinear(format)) {
		fill = 0;
	} else {
		return 0;
	}
	if (frame->data.ptr) {
		memset(frame->data.ptr, fill, frame->datalen);
	}
	return 1;
}

/* Has `play` run, with a copy of the text, on the thread that serves the channel in its conversation; 0 if it will. The channel
   stays in: a bridge of two phones' own media would begin again at its return, hold or not. */
static inline int astsys_play_aside(struct ast_channel *chan, ast_bridge_custom_callback_fn play, const char *what)
{
	struct ast_bridge_channel *place;
	int failed = -1;
	ast_channel_lock(chan);
	place = ast_channel_get_bridge_channel(chan);
	ast_channel_unlock(chan);
	if (place) {
		failed = ast_bridge_channel_queue_callback(place, 0, play, what, strlen(what) + 1);
		ao2_ref(place, -1);
	}
	return failed;
}

/* Has `go` run, with a copy of the text, on the thread that serves the channel in its conversation, the channel being suspended: the
   conversation's voice passes it by, and its own stays with whoever reads it; 0 if it will. */
static inline int astsys_go_aside(struct ast_channel *chan, ast_bridge_custom_callback_fn go, const char *what)
{
	struct ast_bridge_channel *place;
	int failed = -1;
	ast_channel_lock(chan);
	place = ast_channel_get_bridge_channel(chan);
	ast_channel_unlock(chan);
	if (place) {
		failed = ast_bridge_channel_queue_callback(place, AST_BRIDGE_CHANNEL_CB_OPTION_MEDIA, go, what, strlen(what) + 1);
		ao2_ref(place, -1);
	}
	return failed;
}

/* Lets the others of a conversation hear music, or no longer. For the thread that serves the place. */
static inline void astsys_place_hold(struct ast_bridge_channel *place, int on)
{
	if (on) {
		ast_bridge_channel_write_hold(place, NULL);
	} else {
		ast_bridge_channel_write_unhold(place);
	}
}

/* Runs the dialplan from where the channel is to its end, within an application of its own dialplan; 0 unless a limit is reached. */
static inline int astsys_run_dialplan(struct ast_channel *chan)
{
	struct ast_pbx_args args = { .no_hangup_chan = 1 };
	struct ast_pbx *outer;
	enum ast_pbx_result ran;
	ast_channel_lock(chan);
	outer = ast_channel_pbx(chan);
	ast_channel_pbx_set(chan, NULL);
	ast_channel_unlock(chan);
	ran = ast_pbx_run_args(chan, &args);
	ast_channel_lock(chan);
	ast_channel_pbx_set(chan, outer);
	ast_channel_unlock(chan);
	return ran == AST_PBX_SUCCESS ? 0 : -1;
}

/* Whether the channel hears music on hold. */
static inline int astsys_hears_music(struct ast_channel *chan)
{ return ast_test_flag(ast_channel_flags(chan), AST_FLAG_MOH) ? 1 : 0; }

/* Whose place in a conversation it is. */
static inline struct ast_channel *astsys_place_channel(struct ast_bridge_channel *place) { return place->chan; }

/* Readable while the conversation has something for that place. */
static inline int astsys_place_fd(struct ast_bridge_channel *place) { return ast_alertpipe_readfd(place->alert_pipe); }

/* Whether the conversation has more for that place than voice, which is dropped, or is over. For the thread that serves it. */
static inline int astsys_place_is_wanted(struct ast_bridge_channel *place)
{
	struct ast_frame *frame;
	int wanted;
	ast_bridge_channel_lock(place);
	AST_LIST_TRAVERSE_SAFE_BEGIN(&place->wr_queue, frame, frame_list) {
		if (frame->frametype != AST_FRAME_DTMF_BEGIN && frame->frametype != AST_FRAME_DTMF_END
			&& !ast_is_deferrable_frame(frame)) {
			AST_LIST_REMOVE_CURRENT(frame_list);
			ast_alertpipe_read(place->alert_pipe);
			ast_frfree(frame);
		}
	}
	AST_LIST_TRAVERSE_SAFE_END;
	wanted = place->state != BRIDGE_CHANNEL_STATE_WAIT || !AST_LIST_EMPTY(&place->wr_queue);
	ast_bridge_channel_unlock(place);
	return wanted;
}

/* A conversation of nobody yet, which stays until it is destroyed. No phone sends on whom it has in there. */
static inline struct ast_bridge *astsys_bridge_new(void)
{
	return ast_bridge_base_new(AST_BRIDGE_CAPABILITY_1TO1MIX | AST_BRIDGE_CAPABILITY_MULTIMIX,
		AST_BRIDGE_FLAG_SMART | AST_BRIDGE_FLAG_TRANSFER_PROHIBITED, NULL, NULL, NULL);
}

/* Whether a conversation stays although somebody leaves it, and no phone sends on whom it has in there. */
static inline void astsys_bridge_keep(struct ast_bridge *bridge, int keep)
{
	ast_bridge_lock(bridge);
	if (keep) {
		ast_clear_flag(&bridge->feature_flags, AST_BRIDGE_FLAG_DISSOLVE_HANGUP);
		ast_set_flag(&bridge->feature_flags, AST_BRIDGE_FLAG_TRANSFER_PROHIBITED);
	} else {
		ast_set_flag(&bridge->feature_flags, AST_BRIDGE_FLAG_DISSOLVE_HANGUP);
		ast_clear_flag(&bridge->feature_flags, AST_BRIDGE_FLAG_TRANSFER_PROHIBITED);
	}
	ast_bridge_unlock(bridge);
}

/* How many are in a conversation. */
static inline int astsys_bridge_count(struct ast_bridge *bridge)
{
	int count;
	ast_bridge_lock(bridge);
	count = bridge->num_channels;
	ast_bridge_unlock(bridge);
	return count;
}

/* Lets a channel that nobody serves into a conversation, with a thread of its own; 0 if it is in, and the PBX's. */
static inline int astsys_bridge_admit(struct ast_bridge *bridge, struct ast_channel *chan)
{ return ast_bridge_impart(bridge, chan, NULL, NULL, AST_BRIDGE_IMPART_CHAN_INDEPENDENT); }
