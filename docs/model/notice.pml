/*
 * How two instances notice that Redis lost its newest writes and nothing else: the epoch key is
 * there, and so are the functions. Every d_step is one call. README.md explains it.
 *
 * Control: WITHOUT_SERVER_IDENTITY leaves the sequence alone.
 */
#ifndef GRANTS
#define GRANTS 4
#endif
#ifndef ONLY
#define ONLY 0
#endif

#define BEHIND 1 /* no grant on a state that lost writes */
#define STUCK 2  /* at rest the loss is noticed */
#define CHECKED(n) (ONLY == n || ONLY == 0)

/* --- Redis --- */

byte sequence;    /* one more with every write */
byte server = 1;  /* the process that answers; another one after a restart and a failover */
byte written = 1; /* the server that is noted beside the epoch key */

/* --- instances --- */

byte seen[2];     /* the highest sequence that an answer has shown */

/* --- the exploration --- */

byte grants, saved;
bool isSaved, isCut, isBehind;

#define isCutBackFor(k) (sequence < seen[k])
#ifdef WITHOUT_SERVER_IDENTITY
#define isOtherServer false
#else
#define isOtherServer (written != server)
#endif
#define isNoticedBy(k) (isCutBackFor(k) || isOtherServer)

active proctype World() {
endWorld:
  do
  :: d_step { !isSaved -> isSaved = true; saved = sequence }
  /* A restart with a shorter file, or a replica that had not heard everything. */
  :: d_step { isSaved && !isCut ->
       isCut = true;
       isBehind = saved < sequence;
       sequence = saved;
       server++ }
  od
}

proctype Instance(byte k) {
endInstance:
  do
  :: d_step { !isNoticedBy(k) && grants < GRANTS ->
       assert(!CHECKED(BEHIND) || !isBehind);
       grants++;
       sequence++;
       seen[k] = sequence }
  /* A new epoch: what was seen of the old one does not matter any more. */
  :: d_step { isNoticedBy(k) ->
       written = server;
       isBehind = false;
       sequence++;
       seen[0] = 0;
       seen[1] = 0 }
  od
}

init {
  atomic { run Instance(0); run Instance(1) }
}

active proctype Rest() {
  timeout -> assert(!CHECKED(STUCK) || !isBehind)
}
