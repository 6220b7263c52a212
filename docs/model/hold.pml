/*
 * Locks of one category, kept by Redis (which may lose its memory at any instant) and decided by
 * the ledger (durable). Every atomic or d_step is one Redis function or one transaction; anything
 * may happen between two of them. README.md says what the model covers and what it leaves out;
 * `npm run model` compiles and runs it.
 *
 * Sizes:    CAPACITY; QUANTITY_0, the tickets of lock 0 (the other two locks have one each);
 *           LOSSES of Redis; CRASHES of rebuilds; TAKEOVERS of rebuilds that are not stuck;
 *           CONFIRMS, how many are at work.
 * Features: LATE, PARTIAL, MANY, MIXED, RETURN, SETTLE, FINAL_REFUSALS, REGRESS.
 * Property: ONLY=n checks the n-th alone.
 * Controls: WITHOUT_... takes one protection away.
 */
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef QUANTITY_0
#define QUANTITY_0 1
#endif
#ifndef LOSSES
#define LOSSES 0
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef TAKEOVERS
#define TAKEOVERS 0
#endif
#ifndef CONFIRMS
#define CONFIRMS 3
#endif
#ifndef ONLY
#define ONLY 0
#endif

#define OVERSELL 1 /* what is sold never exceeds the capacity */
#define PROMISE 2  /* nor do live locks of the epoch in force and what is sold, together */
#define TOLD 3     /* what was answered as confirmed is sold, unless it was returned */
#define ABORTED 4  /* what was aborted is never sold */
#define REFUSED 5  /* what was answered "no" is not sold, unless a later confirm took it anew */
#define RETURNED 6 /* no confirm that begins after the answer to a return says "yes" */
#define WHOLE 7    /* confirmMany sells all of its locks or none */
#define STUCK 8    /* at rest nothing is locked, and Redis counts what the ledger counts */
#ifdef REGRESS
#define CHECKED(n) (ONLY == n || (ONLY == 0 && (n == OVERSELL || n == TOLD || n == ABORTED)))
#else
#define CHECKED(n) (ONLY == n || ONLY == 0)
#endif

/* --- Redis: gone at a loss --- */

mtype = { NONE, ACTIVE, PINNED, CONFIRMED, EXPIRED, OVER };
mtype lock[3] = NONE;
byte quantity[3];   /* 0 when a confirmed lock is settled */
byte elsewhereSeen; /* soldElsewhere, as Redis knows it */
byte epoch = 1;     /* the epoch key; 0: missing */
byte rebuilding;    /* the epoch that is being rebuilt; 0: none */
byte here;          /* the chunks of it that are there, a bit each */

/* --- the ledger --- */

mtype = { OPEN, SALE, SETTLED, BACK, ABORT };
mtype record[3] = OPEN;
byte decided[3];  /* the quantity in the record */
byte confirmed;   /* tickets of sales that are not settled */
byte elsewhere;   /* soldElsewhere */
byte ledgerEpoch = 1;

/* --- what callers know --- */

byte idEpoch[3];  /* the epoch in the lock's id; 0: not granted yet */
bool told[3];     /* a confirm was answered "yes" */
bool refused[3];  /* a confirm was answered "no"; by its first lock */
bool aborted[3];  /* an abort record was written */
bool returnTold;  /* a return of lock 0 was answered */

/* --- how much of the world is explored --- */

byte losses, crashes, takeovers;
byte rebuilds;    /* at work now */
#ifdef REGRESS
mtype savedLock[3] = NONE;
byte savedQuantity[3];
bool isSaved, isRegressed;
#endif

#define FIRST_QUANTITY(i) (i == 0 -> QUANTITY_0 : 1)
#define isSold(i) (record[i] == SALE || record[i] == SETTLED)
#define wasSold(i) (isSold(i) || record[i] == BACK)
#define isCounted(i) (lock[i] == ACTIVE || lock[i] == PINNED || lock[i] == CONFIRMED)
#define counted(i) (isCounted(i) -> quantity[i] : 0)
#define used (counted(0) + counted(1) + counted(2) + elsewhereSeen)
#define sold (confirmed + elsewhere)
#define isLive(i) \
  ((lock[i] == ACTIVE || lock[i] == PINNED) && idEpoch[i] == ledgerEpoch && !wasSold(i))
#define promised(i) (isLive(i) -> quantity[i] : 0)
#define isUntrue(i) (told[i] && !wasSold(i))
#ifdef MANY
#define isSoldToFirst (isSold(0) && isSold(1))
#define isOfFirst(i) (i <= 1)
#else
#define isOfFirst(i) (i == 0)
#define isSoldToFirst isSold(0)
#endif

inline check() {
  assert(!CHECKED(OVERSELL) || sold <= CAPACITY);
  assert(!CHECKED(PROMISE) || promised(0) + promised(1) + promised(2) + sold <= CAPACITY);
  assert(!CHECKED(TOLD) || !(isUntrue(0) || isUntrue(1) || isUntrue(2)));
  assert(!CHECKED(ABORTED) || !(aborted[0] && wasSold(0)));
  assert(!CHECKED(REFUSED) || !((refused[0] && isSoldToFirst) ||
    (refused[1] && isSold(1)) || (refused[2] && isSold(2))));
#if defined(MANY) && !defined(MIXED)
  assert(!CHECKED(WHOLE) || wasSold(0) == wasSold(1))
#endif
}

/* --- Redis functions --- */

inline put(i, tickets) {
  lock[i] = (tickets != 0 -> CONFIRMED : NONE);
  quantity[i] = tickets
}

inline forgetAll() {
  put(0, 0); put(1, 0); put(2, 0);
  elsewhereSeen = 0; epoch = 0; rebuilding = 0; here = 0
}

inline grant(i) {
  lock[i] = ACTIVE;
  quantity[i] = FIRST_QUANTITY(i);
  idEpoch[i] = (epoch -> epoch : ledgerEpoch);
  check()
}

/* Ended by the buyer, or by time. Only what ended by time may be confirmed late. */
inline end(i) {
  if
  :: lock[i] = OVER; quantity[i] = 0
#ifdef LATE
  :: lock[i] = EXPIRED
#endif
  fi
}

/* Takes off a pin as the record says; a confirmed lock may be returned or settled since. */
inline mark(i, outcome, figure) {
  if
  :: epoch == 0
  :: epoch != 0 && lock[i] == PINNED ->
    if
    :: outcome == SALE || outcome == SETTLED -> lock[i] = CONFIRMED
    :: outcome == BACK -> lock[i] = OVER; quantity[i] = 0
    :: outcome == ABORT -> end(i)
    fi
  :: epoch != 0 && lock[i] == CONFIRMED && outcome == BACK -> lock[i] = OVER; quantity[i] = 0
  :: epoch != 0 && lock[i] == CONFIRMED && outcome == SETTLED ->
    quantity[i] = 0; elsewhereSeen = figure
  :: else
  fi
}

/* --- transactions of the ledger --- */

#ifdef WITHOUT_FENCE
#define isInForce(i) true
#else
#define isInForce(i) (idEpoch[i] == ledgerEpoch)
#endif
#ifdef WITHOUT_GUARD
#define isFree(more) true
#else
#define isFree(more) (more == 0 || sold + more <= CAPACITY)
#endif
#ifdef WITHOUT_FIRST_WRITER
#define isDecidable(i) (record[i] == OPEN || record[i] == ABORT)
#else
#define isDecidable(i) (record[i] == OPEN)
#endif

/* Sells the locks from `a` to `b`, with the quantities as pinned, or changes nothing. */
inline decide(a, b) {
  isYes = true;
  for (i : a .. b) {
    if
    :: isSold(i)
    :: isDecidable(i) && isInForce(i) -> sum = sum + pinned[i - one]
    :: else -> isYes = false
    fi
  }
  isYes = isYes && isFree(sum);
  for (i : a .. b) {
    if
    :: isYes && !isSold(i) ->
      record[i] = SALE;
      decided[i] = pinned[i - one];
      confirmed = confirmed + decided[i]
    :: else
    fi;
    outcome[i - one] = SALE
  }
  i = 0;
  sum = 0;
  check()
}

inline abort(i) {
  if
  :: record[i] == OPEN -> record[i] = ABORT; aborted[i] = true
  :: else
  fi
}

/* --- buyers, time, and the fate of Redis --- */

#ifdef WITHOUT_EPOCH_CHECK
#define isOpen true
#else
#define isOpen (epoch != 0)
#endif
#ifdef WITHOUT_EPOCH_LAST
#undef isOpen
#define isOpen (epoch != 0 || rebuilding != 0)
#endif
#ifdef WITHOUT_PIN_OUTLASTING_TIME
#define isEndable(i) (epoch != 0 && (lock[i] == ACTIVE || lock[i] == PINNED))
#else
#define isEndable(i) (epoch != 0 && lock[i] == ACTIVE)
#endif
#ifdef WITHOUT_PIN_BLOCKING_UNLOCK
#define isShrinkable (epoch != 0 && (lock[0] == ACTIVE || lock[0] == PINNED))
#else
#define isShrinkable (epoch != 0 && lock[0] == ACTIVE)
#endif
#define isGrantable(i) (idEpoch[i] == 0 && isOpen && used + FIRST_QUANTITY(i) <= CAPACITY)
#define BUYER(i) \
  :: d_step { isGrantable(i) -> grant(i) } \
  :: atomic { isEndable(i) -> end(i) }

active proctype World() {
endWorld:
  do
  BUYER(0)
  BUYER(1)
  BUYER(2)
#ifdef PARTIAL
  :: d_step { isShrinkable && quantity[0] == 2 -> quantity[0] = 1 }
#endif
  :: d_step { losses < LOSSES -> losses++; forgetAll() }
  /* Only the newest writes are lost: of a rebuild that has begun, the chunks. */
  :: d_step { losses < LOSSES && rebuilding != 0 ->
       losses++; put(0, 0); put(1, 0); put(2, 0); here = 0 }
#ifdef REGRESS
  /* Once, Redis comes back as it was some time before, and nobody notices. */
  :: d_step { !isSaved ->
       isSaved = true;
       savedLock[0] = lock[0]; savedLock[1] = lock[1]; savedLock[2] = lock[2];
       savedQuantity[0] = quantity[0]; savedQuantity[1] = quantity[1];
       savedQuantity[2] = quantity[2] }
  :: d_step { isSaved && !isRegressed ->
       isRegressed = true;
       lock[0] = savedLock[0]; lock[1] = savedLock[1]; lock[2] = savedLock[2];
       quantity[0] = savedQuantity[0]; quantity[1] = savedQuantity[1];
       quantity[2] = savedQuantity[2] }
#endif
  od
}

/* --- confirm --- */

#ifdef WITHOUT_LATE_CHECK
#define isRoom(i) true
#else
#define isRoom(i) (used + sum + quantity[i] <= CAPACITY)
#endif

/* Reads the locks: pins all of them, or none. */
inline pin() {
  isAfterReturn = returnTold && one == 0;
  isMarked = true;
  for (i : one .. last) {
    isMarked = isMarked && lock[i] == CONFIRMED;
    if
    :: isCounted(i)
    :: lock[i] == NONE -> isLost = true
#ifdef LATE
    :: lock[i] == EXPIRED && isRoom(i) -> sum = sum + quantity[i]
#endif
    :: else -> isRefused = true
    fi
  }
  for (i : one .. last) {
    if
    :: !isRefused && !isLost && lock[i] != CONFIRMED ->
      pinned[i - one] = quantity[i];
#ifndef FINAL_REFUSALS
      if
      :: lock[i] == EXPIRED ->
        refused[i] = false;
        refused[0] = refused[0] && !isOfFirst(i)
      :: else
      fi;
#endif
      lock[i] = PINNED
    :: else
    fi
  }
  i = 0;
  sum = 0;
  check()
}

/* A confirm of the locks from `one` to `last`. Wherever it says "goto over" it may have died. */
proctype Confirm(byte one, last) {
  byte i, sum, pinned[2];
  mtype outcome[2];
  bool isAfterReturn, isMarked, isRefused, isLost, isYes;

  /* Without an epoch, or with one older than the id's: UNAVAILABLE, and it is repeated. */
endUnasked:
  atomic {
    d_step {
      epoch != 0 && idEpoch[one] != 0 && idEpoch[last] != 0 &&
      idEpoch[one] <= epoch && idEpoch[last] <= epoch -> pin()
    };
    if
#if defined(FINAL_REFUSALS) && !defined(WITHOUT_RECORD_OF_LATE_REFUSAL)
    :: isRefused -> goto refuse
#else
    :: isRefused -> refused[one] = true; goto over
#endif
    :: !isRefused && isLost -> goto find
#ifdef WITHOUT_LEDGER_FOR_REPEATS
    :: !isRefused && !isLost && isMarked -> goto yes
#endif
    :: else
    fi
  }

  if
#ifdef WITHOUT_ONE_TRANSACTION
  :: d_step { decide(one, one) };
    if
    :: isYes && one != last -> d_step { decide(last, last) }
    :: else
    fi
#else
  :: d_step { decide(one, last) }
#endif
  :: goto over
  fi;

  if
  :: isYes
  :: !isYes ->
#ifdef WITHOUT_RECORD_OF_REFUSAL
    d_step {
      for (i : one .. last) { lock[i] = (lock[i] == PINNED -> ACTIVE : lock[i]) }
      refused[one] = true
    };
    goto over
#else
refuse:
    /* Neither a "no" nor the end of a pin without a record. */
    isYes = true;
    i = one;
    do
    :: d_step { i <= last ->
         abort(i);
         outcome[i - one] = record[i];
         isYes = isYes && isSold(i);
         i++;
         check() }
    :: atomic { i > last -> i = 0; break }
    od
#endif
  fi;

  if
  :: atomic { for (i : one .. last) { mark(i, outcome[i - one], elsewhere) } i = 0 }
  :: true /* Redis did not answer in time */
  :: goto over
  fi;
  if
  :: isYes -> goto yes
  :: !isYes -> d_step { refused[one] = true; check() }; goto over
  fi;

find:
  atomic {
    isYes = isSold(one) && isSold(last);
    refused[one] = refused[one] || !isYes;
    check()
  };
  if
  :: isYes
  :: !isYes -> goto over
  fi;

yes:
  atomic {
    told[one] = true;
    told[last] = true;
    assert(!CHECKED(RETURNED) || !isAfterReturn);
    check()
  };
over:
  /* What does not matter any more makes no states. */
  atomic {
    i = 0; pinned[0] = 0; pinned[1] = 0; outcome[0] = 0; outcome[1] = 0;
    isAfterReturn = false; isMarked = false; isRefused = false; isLost = false; isYes = false
  }
}

/* --- the reaper --- */

#ifdef WITHOUT_RECONCILING
#define isUnheard(i) false
#else
#define isUnheard(i) (lock[i] == CONFIRMED && \
  (record[i] == BACK || (record[i] == SETTLED && quantity[i] != 0)))
#endif
#define isNeedy(i) (epoch != 0 && (lock[i] == PINNED || isUnheard(i)))

/* Decides stuck pins, and tells Redis what it has not heard of confirmed locks. */
active proctype Reaper() {
  byte i, figure;
  mtype outcome;
endReaper:
  do
  :: atomic {
       if
       :: isNeedy(0) -> i = 0
       :: isNeedy(1) -> i = 1
       :: isNeedy(2) -> i = 2
       fi
     };
     d_step {
#ifdef WITHOUT_ABORT_BY_REAPER
       outcome = (record[i] == OPEN -> ABORT : record[i]);
#else
       abort(i);
       outcome = record[i];
#endif
       figure = elsewhere;
       check()
     };
     atomic { mark(i, outcome, figure); outcome = 0; figure = 0; i = 0 }
  od
}

/* --- return and settlement of lock 0 --- */

#ifdef RETURN
active proctype Return() {
  mtype outcome;
endUnasked:
  atomic {
    epoch != 0 && idEpoch[0] != 0 && idEpoch[0] <= epoch && lock[0] != PINNED ->
    if
    :: lock[0] == ACTIVE -> lock[0] = OVER; quantity[0] = 0; goto over
    :: lock[0] == EXPIRED || lock[0] == OVER -> goto over
    :: lock[0] == CONFIRMED || lock[0] == NONE
    fi
  };
#ifdef WITHOUT_LEDGER_FIRST
  atomic { outcome = (record[0] == SALE -> BACK : record[0]); mark(0, outcome, elsewhere) };
#endif
  d_step {
    if
    :: record[0] == SALE -> record[0] = BACK; confirmed = confirmed - decided[0]
    :: else
    fi;
    outcome = record[0];
    check()
  };
  if
  :: outcome == BACK -> atomic { mark(0, outcome, elsewhere) }
  :: true /* Redis did not answer in time */
  :: goto over
  fi;
  returnTold = (outcome == BACK);
over:
  outcome = 0
}
#endif

#ifdef SETTLE
active proctype Settle() {
endUnsold:
  d_step {
    record[0] == SALE ->
    record[0] = SETTLED;
    confirmed = confirmed - decided[0];
    elsewhere = elsewhere + decided[0];
    check()
  };
  if
  :: d_step { epoch != 0 ->
       elsewhereSeen = elsewhere;
       quantity[0] = (lock[0] == CONFIRMED -> 0 : quantity[0]);
       check() }
  :: true
  fi
}
#endif

/* --- rebuild --- */

#ifdef WITHOUT_NOTICING_A_STALE_EPOCH
#define isLossSeen (epoch == 0)
#else
#define isLossSeen (epoch != ledgerEpoch)
#endif
#ifdef WITHOUT_CHUNK_STAMP
#define isOurs true
#else
#define isOurs (rebuilding == stamp)
#endif
#ifdef WITHOUT_COUNTING_CHUNKS
#define isComplete true
#else
#define isComplete (here == 3)
#endif
#ifdef WITHOUT_OWN_EPOCH
#define isNewEpoch (rebuilds == 0)
#else
#define isNewEpoch true
#endif
#define listed(i) (record[i] == SALE -> decided[i] : 0)
#define DIES :: d_step { crashes < CRASHES -> crashes++ }; goto over

inline nextEpoch() {
  ledgerEpoch = (isNewEpoch -> ledgerEpoch + 1 : ledgerEpoch);
  stamp = ledgerEpoch
}

/* An instance that sees a loss. The first chunk is lock 0, the second are locks 1 and 2. */
proctype Rebuild() {
  byte stamp, sale[3], figure;
endRebuild:
  do
  :: d_step {
       isLossSeen && (rebuilds == 0 || takeovers < TAKEOVERS) ->
       takeovers = (rebuilds == 0 -> takeovers : takeovers + 1);
#ifdef WITHOUT_LIST_AFTER_EPOCH
       sale[0] = listed(0); sale[1] = listed(1); sale[2] = listed(2);
#else
       nextEpoch();
#endif
       rebuilds++
     };
#ifdef WITHOUT_LIST_AFTER_EPOCH
     d_step { nextEpoch() };
#endif
     if
     :: d_step { epoch < stamp && rebuilding <= stamp ->
          forgetAll();
          rebuilding = stamp }
     :: epoch >= stamp || rebuilding > stamp -> goto over
     DIES
     fi;
#ifdef WITHOUT_FIGURES_LAST
     figure = elsewhere;
#endif
#ifndef WITHOUT_LIST_AFTER_EPOCH
     sale[0] = listed(0);
#endif
     if
     :: d_step { isOurs -> put(0, sale[0]); here = here | 1; check() }
     :: !isOurs -> goto over
     DIES
     fi;
#ifndef WITHOUT_LIST_AFTER_EPOCH
     d_step { sale[1] = listed(1); sale[2] = listed(2) };
#endif
     if
     :: d_step { isOurs -> put(1, sale[1]); put(2, sale[2]); here = here | 2; check() }
     :: !isOurs -> goto over
     DIES
     fi;
#ifndef WITHOUT_FIGURES_LAST
     figure = elsewhere;
#endif
     if
     :: d_step { isOurs && isComplete ->
          epoch = stamp;
          elsewhereSeen = figure;
          rebuilding = 0;
          here = 0 }
     :: !(isOurs && isComplete)
     DIES
     fi;
over:
     atomic { rebuilds--; stamp = 0; figure = 0; sale[0] = 0; sale[1] = 0; sale[2] = 0 }
  od
}

init {
  atomic {
#ifdef MANY
    run Confirm(0, 1);
    if :: CONFIRMS > 1 -> run Confirm(0, 1) :: else fi;
#ifdef MIXED
    if :: CONFIRMS > 2 -> run Confirm(1, 1) :: else fi;
#else
    if :: CONFIRMS > 2 -> run Confirm(2, 2) :: else fi;
#endif
#else
    run Confirm(0, 0);
    if :: CONFIRMS > 1 -> run Confirm(0, 0) :: else fi;
    if :: CONFIRMS > 2 -> run Confirm(1, 1) :: else fi;
#endif
    if :: LOSSES > 0 -> run Rebuild() :: else fi;
    if :: TAKEOVERS > 0 || CRASHES > 0 -> run Rebuild() :: else fi
  }
}

/* When nothing more can happen, all is in order. */
#define isAtRest(i) (lock[i] != ACTIVE && lock[i] != PINNED && counted(i) == listed(i))
active proctype Rest() {
  timeout ->
  assert(!CHECKED(STUCK) || (epoch == ledgerEpoch && elsewhereSeen == elsewhere &&
    isAtRest(0) && isAtRest(1) && isAtRest(2)))
}
