-- Tenants and their keys.
CREATE TABLE tenants (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,
  zone    TEXT NOT NULL DEFAULT 'UTC',  -- IANA name: where its days and months begin
  shift   BIGINT NOT NULL DEFAULT 0,    -- how far the zone is ahead of UTC now, microseconds
  created BIGINT NOT NULL
);
CREATE TABLE keys (
  id      TEXT PRIMARY KEY,
  tenant  TEXT NOT NULL REFERENCES tenants(id),
  name    TEXT NOT NULL,
  issuer  TEXT,                 -- of an identity's tokens (OpenID Connect), which has no secret
  subject TEXT,                 -- what the issuer calls it
  hash    TEXT NOT NULL UNIQUE, -- sha256 of the key; the key itself is kept nowhere. Of an identity: oidc: and sha256
  webhook_secret TEXT NOT NULL, -- hex: HMAC-SHA256 of the word webhook under the key; empty for an identity
  old_hash  TEXT UNIQUE,        -- of the secret before a rotation, valid until old_until
  old_webhook_secret TEXT,      -- signs beside the new one until then
  old_until BIGINT,
  scopes   TEXT NOT NULL,       -- words with spaces between: use admin …
  models   TEXT NOT NULL,       -- words with spaces between; all models where it is empty
  networks TEXT NOT NULL,       -- prefixes with spaces between; from anywhere where it is empty
  expires  BIGINT,
  disabled BIGINT,
  revoked  BIGINT,
  used     BIGINT,              -- to the minute
  created  BIGINT NOT NULL
);
-- Browsers that signed in with a key, and tickets that sign one in once.
CREATE TABLE sessions (
  hash    TEXT PRIMARY KEY,     -- sha256 of the secret; the secret itself is kept nowhere
  key_id  TEXT NOT NULL REFERENCES keys(id),
  kind    TEXT NOT NULL,        -- session, ticket
  expires BIGINT NOT NULL
);
-- Where a tenant's own events are told: dreams, tunes, budgets, promotions.
CREATE TABLE webhooks (
  id      TEXT PRIMARY KEY,
  tenant  TEXT NOT NULL,
  url     TEXT NOT NULL,
  events  TEXT NOT NULL,        -- words with spaces between; all where it is empty
  secret  TEXT NOT NULL,        -- hex: signs
  old_secret TEXT,              -- of before a rotation: signs beside it until old_until
  old_until  BIGINT,
  created BIGINT NOT NULL
);
CREATE INDEX webhooks_by_tenant ON webhooks (tenant, id);
-- How often and how much keys ask, in any minute. Empty texts stand for all.
CREATE TABLE limits (
  tenant   TEXT NOT NULL,
  key_id   TEXT NOT NULL,
  model    TEXT NOT NULL,
  requests BIGINT NOT NULL,     -- 0: any number
  tokens   BIGINT NOT NULL,
  burst    BIGINT NOT NULL,
  queued   BIGINT NOT NULL,     -- jobs of the tenant that may wait in a lane; 0: as many as the configuration allows
  streams  BIGINT NOT NULL,     -- of answers, that may be open at once; 0: any number
  PRIMARY KEY (tenant, key_id, model)
);
-- What requests with an Idempotency-Key were answered that made no job.
CREATE TABLE replies (
  tenant   TEXT NOT NULL,
  idem_key TEXT NOT NULL,
  hash     TEXT NOT NULL,            -- of the request
  made     TEXT NOT NULL,            -- what the ids of all that it makes end in
  status   BIGINT NOT NULL DEFAULT 0, -- 0: it is being answered
  kind     TEXT NOT NULL DEFAULT '', -- content type
  body     TEXT NOT NULL DEFAULT '', -- sealed with the secret of the key that asked
  taken    BIGINT NOT NULL,          -- when a process began to answer it
  created  BIGINT NOT NULL,
  PRIMARY KEY (tenant, idem_key)
);
CREATE INDEX replies_by_age ON replies (created);
-- Who changed what.
CREATE TABLE audit (
  id      TEXT PRIMARY KEY,
  tenant  TEXT NOT NULL,
  key_id  TEXT NOT NULL,
  action  TEXT NOT NULL,        -- the route's method and pattern
  subject TEXT NOT NULL,        -- the ids in its path
  request TEXT NOT NULL,        -- x-request-id
  created BIGINT NOT NULL
);
CREATE INDEX audit_by_tenant ON audit (tenant, id);

-- The work. A row is the job; an Asynq task is a wake-up.
CREATE TABLE jobs (
  id            TEXT PRIMARY KEY,
  tenant        TEXT NOT NULL,
  key_id        TEXT,
  alias         TEXT,                    -- that was asked for
  kind          TEXT NOT NULL,
  lane          TEXT NOT NULL,
  state         TEXT NOT NULL,
  priority      BIGINT NOT NULL DEFAULT 0,
  input         TEXT NOT NULL,
  result        TEXT,
  error_code    TEXT,
  error_message TEXT,
  metadata      TEXT,
  idem_key      TEXT,
  idem_hash     TEXT,
  parent        TEXT,
  subject       TEXT,                    -- the noun it works for: drm_…, tun_…, exp_…
  conversation  TEXT,                    -- the client's id of the conversation that a chat belongs to
  open_children BIGINT NOT NULL DEFAULT 0,
  attached      BOOLEAN NOT NULL DEFAULT FALSE, -- a client waits on its reply stream
  run_at        BIGINT NOT NULL,
  -- Follows the state: later, ready (its run_at has come), flight (dispatched or running), or the final state. The
  -- indexes name it in place of the state, so that a claim leaves them all alone in PostgreSQL. No generated column:
  -- PostgreSQL would parse its expression for each statement, which is 3 % of the server's time under a load of chats.
  phase         TEXT NOT NULL,
  expires_at    BIGINT,
  attempt       BIGINT NOT NULL DEFAULT 0,
  max_attempts  BIGINT NOT NULL DEFAULT 5,
  crashes       BIGINT NOT NULL DEFAULT 0,
  gen           BIGINT NOT NULL DEFAULT 0,
  epoch         BIGINT NOT NULL DEFAULT 0,
  wake          TEXT,                    -- TaskID of the wake-up of this generation
  dispatched_at BIGINT,
  lease_owner   TEXT,
  lease_until   BIGINT,
  claimed_at    BIGINT,                  -- when the attempt under way began, or the one that succeeded
  cancel_at     BIGINT,                  -- when its end was asked for
  webhook_url   TEXT,
  keep          BOOLEAN NOT NULL DEFAULT TRUE, -- FALSE: what was said is cleared once it is delivered
  trace         TEXT,                    -- W3C traceparent of the request
  created       BIGINT NOT NULL,
  started       BIGINT,
  finished      BIGINT
);
CREATE UNIQUE INDEX jobs_idem ON jobs (tenant, idem_key) WHERE idem_key IS NOT NULL;
CREATE INDEX jobs_pick ON jobs (lane, tenant, priority DESC, id) WHERE phase = 'ready';
CREATE INDEX jobs_later ON jobs (run_at) WHERE phase = 'later';
CREATE INDEX jobs_inflight ON jobs (lane, tenant) WHERE phase = 'flight';
CREATE INDEX jobs_expire ON jobs (expires_at) WHERE expires_at IS NOT NULL AND finished IS NULL;
CREATE INDEX jobs_list ON jobs (tenant, id);
CREATE INDEX jobs_finished ON jobs (finished) WHERE finished IS NOT NULL;
CREATE INDEX jobs_private ON jobs (finished) WHERE NOT keep AND result IS NOT NULL;
CREATE INDEX jobs_parent ON jobs (parent) WHERE parent IS NOT NULL;
CREATE INDEX jobs_subject ON jobs (subject) WHERE subject IS NOT NULL;
CREATE INDEX jobs_conversation ON jobs (tenant, conversation) WHERE conversation IS NOT NULL;
-- Three indexes of ended jobs: open ones are found by the indexes of their states, and so write none of these at each of their moves.
CREATE INDEX jobs_key ON jobs (tenant, key_id, id) WHERE finished IS NOT NULL AND parent IS NULL;
CREATE INDEX jobs_alias ON jobs (tenant, alias, id) WHERE finished IS NOT NULL AND parent IS NULL;
CREATE INDEX jobs_kind ON jobs (tenant, kind, id) WHERE finished IS NOT NULL AND kind <> 'chat.run' AND parent IS NULL; -- chats are most
CREATE INDEX jobs_unsuccessful ON jobs (tenant, phase, id) WHERE phase IN ('failed', 'cancelled', 'expired');

-- The words of the metadata of jobs and experiences, by which these are found.
CREATE TABLE words (
  tenant TEXT NOT NULL,
  word   TEXT NOT NULL,
  id     TEXT NOT NULL,
  PRIMARY KEY (tenant, word, id)
);
CREATE INDEX words_id ON words (id);

-- Each end of an attempt that did not succeed, with its reason; of one
-- that did its job tells.
CREATE TABLE attempts (
  job     TEXT NOT NULL,
  epoch   BIGINT NOT NULL,
  worker  TEXT NOT NULL,
  started BIGINT NOT NULL,
  ended   BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  code    TEXT,
  message TEXT,
  PRIMARY KEY (job, epoch)
);

-- All attempts that have ended: a job that succeeded tells of the one that did by
-- itself, which saves a row for each job that nothing went wrong with.
CREATE VIEW attempts_all AS
  SELECT job, epoch, worker, started, ended, outcome, code, message FROM attempts
  UNION ALL SELECT id, epoch, lease_owner, claimed_at, finished, state, NULL, NULL FROM jobs WHERE state = 'succeeded';

-- A tenant's share of a lane. The row of no tenant ('') holds the lane's own
-- virtual time, and is locked by the dispatcher that picks in the lane.
CREATE TABLE shares (
  lane    TEXT NOT NULL,
  tenant  TEXT NOT NULL,
  weight  BIGINT NOT NULL DEFAULT 1,
  cap     BIGINT,                         -- jobs in flight at once; NULL is the lane's own
  vtime   BIGINT NOT NULL DEFAULT 0,      -- virtual time of stride scheduling
  waiting BOOLEAN NOT NULL DEFAULT FALSE, -- had jobs queued when it was last looked at
  cursor  TEXT NOT NULL DEFAULT '',       -- the lane's own row: the tenant that was looked at last
  PRIMARY KEY (lane, tenant)
);
CREATE INDEX shares_turn ON shares (lane, vtime, tenant) WHERE waiting;

-- The answer of one step of a job.
CREATE TABLE effects (
  job          TEXT NOT NULL,
  step         TEXT NOT NULL,
  epoch        BIGINT NOT NULL,
  request_hash TEXT NOT NULL,
  response     TEXT NOT NULL,
  entry        TEXT,
  created      BIGINT NOT NULL,
  PRIMARY KEY (job, step)
);

-- A try at a vendor and its money, nano-dollars.
CREATE TABLE entries (
  id           TEXT PRIMARY KEY,
  tenant       TEXT NOT NULL,
  key_id       TEXT,
  job          TEXT,
  root         TEXT,                      -- the topmost of the jobs above it, or the job itself
  step         TEXT NOT NULL,
  epoch        BIGINT NOT NULL,
  number       BIGINT NOT NULL,           -- 1 for the step's first try
  purpose      TEXT NOT NULL,
  provider     TEXT NOT NULL,
  model        TEXT NOT NULL,
  state        TEXT NOT NULL,             -- open, settled, void, unknown
  reserved     BIGINT NOT NULL,
  settled      BIGINT NOT NULL DEFAULT 0,
  input        BIGINT NOT NULL DEFAULT 0, -- tokens
  cached       BIGINT NOT NULL DEFAULT 0,
  output       BIGINT NOT NULL DEFAULT 0,
  reasoning    BIGINT NOT NULL DEFAULT 0, -- of the output
  tier         TEXT,                      -- of service: batch, or as the vendor names it; NULL for the usual
  priced       BIGINT,                    -- from when the price holds that it is reckoned by; NULL where no token is priced
  estimated    BOOLEAN NOT NULL DEFAULT FALSE, -- the vendor gave no usage
  cause        TEXT,                      -- why void or unknown, or settled otherwise than by the vendor's count
  aged         BOOLEAN NOT NULL DEFAULT FALSE, -- unknown for so long that no budget counts it
  day          BIGINT NOT NULL,           -- since 1970, of its making, in the tenant's zone
  created      BIGINT NOT NULL,
  ended        BIGINT,
  lost         BIGINT                     -- when it became unknown; NULL in any other state
);
-- No index names a column that the end of a call changes, so that PostgreSQL leaves the indexes alone then.
CREATE INDEX entries_job ON entries (job);
CREATE INDEX entries_root ON entries (root) WHERE root <> job;
CREATE INDEX entries_lost ON entries (aged, lost) WHERE lost IS NOT NULL;
CREATE INDEX entries_model ON entries (tenant, provider, model, root);
CREATE INDEX entries_spend ON entries (tenant, created);
CREATE INDEX entries_host ON entries (tenant, provider, model, created) WHERE purpose = 'host';

-- What a tenant's entries come to, nano-dollars: settled, or else reserved. Budgets
-- are checked against it.
CREATE TABLE spending (
  tenant    TEXT NOT NULL,
  day       BIGINT NOT NULL, -- of the entries
  purpose   TEXT NOT NULL,
  key_id    TEXT NOT NULL,   -- empty where no key asked
  provider  TEXT NOT NULL,
  ends      BOOLEAN NOT NULL, -- what ends of entries changed, apart from what their making did
  committed BIGINT NOT NULL,
  PRIMARY KEY (tenant, day, purpose, key_id, provider, ends)
);
-- What a tenant's entries of a day that is over come to, of those that are settled or void and so change no more.
-- The usage is read from it, and not from the entries.
CREATE TABLE usage_days (
  tenant   TEXT NOT NULL,
  utc_day  BIGINT NOT NULL, -- since 1970, in which the entries were made
  day      BIGINT NOT NULL, -- the same in the tenant's zone
  purpose  TEXT NOT NULL,
  key_id   TEXT NOT NULL,   -- empty where no key asked
  provider TEXT NOT NULL,
  model    TEXT NOT NULL,
  calls    BIGINT NOT NULL, -- of models
  settled  BIGINT NOT NULL,
  input    BIGINT NOT NULL,
  output   BIGINT NOT NULL,
  PRIMARY KEY (tenant, utc_day, day, purpose, key_id, provider, model)
);
-- The entries of those days that are not in the sums, because they are open or lost and may still be settled.
CREATE TABLE usage_open (
  tenant  TEXT NOT NULL,
  utc_day BIGINT NOT NULL,
  entry   TEXT NOT NULL,
  PRIMARY KEY (tenant, utc_day, entry)
);
-- How far a tenant's entries are summed.
CREATE TABLE usage_marks (
  tenant TEXT PRIMARY KEY,
  summed BIGINT NOT NULL, -- the first UTC day that is not in the sums
  pruned BIGINT NOT NULL, -- the first UTC day that still has all its entries
  swept  BIGINT NOT NULL  -- the first UTC day of which old entries may be left
);
-- What a tenant may spend. Empty texts stand for all.
CREATE TABLE budgets (
  id       TEXT PRIMARY KEY,
  tenant   TEXT NOT NULL,
  key_id   TEXT NOT NULL,
  purpose  TEXT NOT NULL,
  provider TEXT NOT NULL,
  per      TEXT NOT NULL,    -- day or month
  hard     BOOLEAN NOT NULL, -- more is refused; a soft one only tells
  nano     BIGINT NOT NULL,  -- nano-dollars
  created  BIGINT NOT NULL,
  UNIQUE (tenant, key_id, purpose, provider, per, hard)
);
-- The shares of budgets whose passing was told: once in each day or month.
CREATE TABLE budget_alerts (
  budget    TEXT NOT NULL,
  began     BIGINT NOT NULL, -- the first day of the day or month
  threshold BIGINT NOT NULL, -- per cent
  PRIMARY KEY (budget, began, threshold)
);
CREATE INDEX budget_alerts_age ON budget_alerts (began);

-- What was said.
CREATE TABLE conversations (
  id       TEXT PRIMARY KEY,
  tenant   TEXT NOT NULL,
  external TEXT NOT NULL,                 -- the client's own id; ours where it gave none
  held_out BOOLEAN NOT NULL,              -- never learned from: it examines the models
  created  BIGINT NOT NULL,
  UNIQUE (tenant, external)
);
CREATE TABLE experiences (
  id           TEXT PRIMARY KEY,
  tenant       TEXT NOT NULL,
  conversation TEXT NOT NULL REFERENCES conversations(id),
  held_out     BOOLEAN NOT NULL,
  alias        TEXT NOT NULL,
  origin       TEXT NOT NULL,             -- live, import, memory, cache, dream
  job          TEXT,
  provider     TEXT,
  model        TEXT,
  prompt       TEXT NOT NULL,             -- messages before the answer, JSON
  answer       TEXT NOT NULL,             -- the answer's message, JSON
  finish       TEXT,
  reference    TEXT,
  rating       BIGINT,
  comment      TEXT,
  correction   TEXT,
  metadata     TEXT,
  content      TEXT NOT NULL,             -- sha256 of the messages
  identity     TEXT NOT NULL,             -- sha256 of conversation id and messages, or of the messages
  dream        TEXT,                      -- the dream whose batch it is sealed in
  reopened     BIGINT,                    -- when feedback gave it to another dream
  created      BIGINT NOT NULL,
  UNIQUE (tenant, identity)
);
CREATE INDEX experiences_content ON experiences (content, (tenant || '')); -- an expression: see knownContent
CREATE INDEX experiences_list ON experiences (tenant, id);
-- In the order of their ids, with what lists and dreams choose them by: rows that are not wanted are not looked up.
CREATE INDEX experiences_fresh ON experiences (tenant, id, alias, origin, provider, model) WHERE dream IS NULL;
-- What a dream takes first. A chat that is recorded enters neither.
CREATE INDEX experiences_wrong ON experiences (tenant, id)
  WHERE dream IS NULL AND NOT held_out AND (correction IS NOT NULL OR rating < 0 OR reopened IS NOT NULL);
CREATE INDEX experiences_checkable ON experiences (tenant, id)
  WHERE dream IS NULL AND NOT held_out AND reference IS NOT NULL;
-- Experiences enter the next three when a dream seals them, which saves each chat three rows of an index.
CREATE INDEX experiences_alias ON experiences (tenant, alias, id) WHERE dream IS NOT NULL OR held_out;
CREATE INDEX experiences_model ON experiences (tenant, (provider || '/' || model), id) WHERE dream IS NOT NULL;
CREATE INDEX experiences_origin ON experiences (tenant, origin, id) WHERE dream IS NOT NULL;
CREATE INDEX experiences_dream ON experiences (dream, id) WHERE dream IS NOT NULL;
CREATE INDEX experiences_conversation ON experiences (conversation);
CREATE INDEX experiences_job ON experiences (job) WHERE job IS NOT NULL;

-- What was dreamt.
CREATE TABLE tombstones ( -- of what was forgotten: it is not stored again
  tenant  TEXT NOT NULL,
  sum     TEXT NOT NULL,                  -- sha256 of a client's conversation id, or of what was said
  created BIGINT NOT NULL,
  PRIMARY KEY (tenant, sum)
);
CREATE TABLE dreams (
  id        TEXT PRIMARY KEY,
  tenant    TEXT NOT NULL,
  job       TEXT NOT NULL,
  mode      TEXT NOT NULL,
  dry       BOOLEAN NOT NULL DEFAULT FALSE, -- an estimate, which takes nothing
  stage     TEXT NOT NULL,
  counts    TEXT NOT NULL,                -- JSON, see DreamCounts
  budget    BIGINT,                       -- nano-dollars
  live_cost BIGINT NOT NULL DEFAULT 0,
  stopped   TEXT,                         -- why it ended early
  undone    BIGINT,
  created   BIGINT NOT NULL,
  finished  BIGINT,
  -- What it answered before it was asked: answers kept, their cost, the chats that were answered from them and
  -- what these would have cost (nano-dollars), and why it kept no more.
  anticipated       BIGINT NOT NULL DEFAULT 0,
  anticipated_cost  BIGINT NOT NULL DEFAULT 0,
  anticipated_hits  BIGINT NOT NULL DEFAULT 0,
  anticipated_saved BIGINT NOT NULL DEFAULT 0,
  anticipated_note  TEXT
);
CREATE INDEX dreams_list ON dreams (tenant, id);
CREATE UNIQUE INDEX dreams_running ON dreams (tenant) WHERE finished IS NULL AND NOT dry; -- one at a time
CREATE TABLE reflections (
  id        TEXT PRIMARY KEY,
  tenant    TEXT NOT NULL,
  dream     TEXT NOT NULL,
  title     TEXT NOT NULL,
  applies   TEXT NOT NULL,                -- when; '' is always
  lesson    TEXT NOT NULL,
  helped    BIGINT NOT NULL,              -- sources that were answered better with it
  harmed    BIGINT NOT NULL,              -- sources that were answered worse with it
  sources   TEXT NOT NULL,                -- experience ids, JSON
  score     BIGINT NOT NULL,              -- thousandths
  withdrawn BIGINT,
  created   BIGINT NOT NULL
);
CREATE INDEX reflections_list ON reflections (tenant, id);
CREATE INDEX reflections_dream ON reflections (dream);
CREATE TABLE memories (
  id        TEXT PRIMARY KEY,
  tenant    TEXT NOT NULL,
  dream     TEXT NOT NULL,                -- '' where it was restored
  restored  TEXT NOT NULL,                -- the version that it repeats; '' where a dream wrote it
  lessons   TEXT NOT NULL,                -- JSON, see Lesson
  object    TEXT NOT NULL,                -- the Markdown file
  withdrawn BIGINT,
  created   BIGINT NOT NULL
);
CREATE INDEX memories_list ON memories (tenant, id);
-- The lessons that fitted a chat: shown to its model, or left out to measure what they are worth.
CREATE TABLE lesson_uses (
  tenant     TEXT NOT NULL,
  lesson     TEXT NOT NULL,               -- rfl_…, see Lesson
  experience TEXT NOT NULL,
  shown      BOOLEAN NOT NULL,
  created    BIGINT NOT NULL,
  PRIMARY KEY (tenant, lesson, experience)
);
CREATE INDEX lesson_uses_experience ON lesson_uses (experience);
CREATE TABLE examples (
  id         TEXT PRIMARY KEY,
  tenant     TEXT NOT NULL,
  alias      TEXT NOT NULL,
  dream      TEXT NOT NULL,
  experience TEXT NOT NULL,
  messages   TEXT NOT NULL,               -- JSON: the row that is trained on
  rejected   TEXT,                        -- the worse answer of a preference pair
  score      BIGINT NOT NULL,             -- thousandths
  verdict    TEXT NOT NULL,
  author     TEXT NOT NULL,               -- user, reference, recorded, lead
  content    TEXT NOT NULL,               -- sha256 of the canonical row
  answer     TEXT NOT NULL DEFAULT '',    -- sha256 of the answer as it was made; empty for one of few words
  origin     TEXT NOT NULL,               -- said, imagined
  review     TEXT,                        -- kept, rejected or edited by a person; null while nobody has looked
  reviewer   TEXT,                        -- the id of the API key
  reason     TEXT,                        -- in the reviewer's words
  reviewed   BIGINT,
  before     TEXT,                        -- JSON: messages, content and author before they were edited
  withdrawn  BIGINT,
  created    BIGINT NOT NULL,
  UNIQUE (dream, experience, origin)
);
CREATE INDEX examples_open ON examples (tenant, id) WHERE review IS NULL AND withdrawn IS NULL;
CREATE TABLE reviews ( -- each verdict of a person on an example, and each that was taken back
  id       TEXT PRIMARY KEY,              -- rev_…
  tenant   TEXT NOT NULL,
  example  TEXT NOT NULL,
  verdict  TEXT NOT NULL,                 -- kept, rejected, edited, undone
  reviewer TEXT NOT NULL,
  reason   TEXT,
  created  BIGINT NOT NULL
);
CREATE INDEX reviews_example ON reviews (example);
CREATE INDEX examples_list ON examples (tenant, id);
CREATE INDEX examples_alias ON examples (tenant, alias, id) WHERE withdrawn IS NULL;
CREATE INDEX examples_experience ON examples (experience);
CREATE INDEX examples_content ON examples (tenant, alias, content) WHERE withdrawn IS NULL;
CREATE INDEX examples_answer ON examples (tenant, alias, answer) WHERE withdrawn IS NULL AND answer <> '';

-- The citations of a text, written together with it: of a reflection or a
-- memory its experiences, a job those in its input, a route's version its models.
CREATE TABLE citations (
  tenant TEXT NOT NULL,
  source TEXT NOT NULL,                   -- what is named: exp_…, rfl_…, a model
  cites  TEXT NOT NULL,                   -- the citing text: rfl_…, mem_…, job_…, a route as alias/version
  PRIMARY KEY (tenant, source, cites)
);
CREATE INDEX citations_cites ON citations (cites);

-- What was learned.
CREATE TABLE datasets (
  id       TEXT PRIMARY KEY,
  tenant   TEXT NOT NULL,
  alias    TEXT NOT NULL,
  sha256   TEXT NOT NULL,
  manifest TEXT NOT NULL,
  method   TEXT NOT NULL,                 -- sft: its rows are conversations; dpo: preference pairs
  rows     BIGINT NOT NULL,
  object   TEXT NOT NULL,
  created  BIGINT NOT NULL,
  tainted  BIGINT,                        -- when a conversation was forgotten that it had rows of
  aged     BIGINT,                        -- when a conversation was deleted for its age that it had rows of: its file is gone
  UNIQUE (tenant, alias, sha256)
);
CREATE TABLE dataset_examples (
  dataset TEXT NOT NULL REFERENCES datasets(id),
  example TEXT NOT NULL,
  PRIMARY KEY (dataset, example)
);
CREATE INDEX dataset_examples_example ON dataset_examples (example);
CREATE TABLE files (
  id       TEXT PRIMARY KEY,
  tenant   TEXT NOT NULL,
  filename TEXT NOT NULL,
  purpose  TEXT NOT NULL,
  bytes    BIGINT NOT NULL,
  sha256   TEXT NOT NULL,
  object   TEXT NOT NULL,
  idem_key TEXT,
  created  BIGINT NOT NULL
);
CREATE INDEX files_list ON files (tenant, id);
CREATE UNIQUE INDEX files_idem ON files (tenant, idem_key) WHERE idem_key IS NOT NULL;
CREATE TABLE batches (
  id         TEXT PRIMARY KEY,            -- batch_…
  tenant     TEXT NOT NULL,
  job        TEXT NOT NULL,
  file       TEXT,                        -- of its requests; null where a job of ours asks
  endpoint   TEXT NOT NULL,
  duration   BIGINT NOT NULL,             -- microseconds within which it is to be answered
  status     TEXT NOT NULL,               -- OpenAI's words
  spec       TEXT NOT NULL,               -- JSON: how far it is, and its vendor's handle
  metadata   TEXT,                        -- JSON, the client's own
  output     TEXT,                        -- file of the answers
  errors     TEXT,                        -- file of the lines that failed
  faults     TEXT,                        -- JSON: what is wrong with the file of requests
  total      BIGINT NOT NULL DEFAULT 0,   -- lines
  completed  BIGINT NOT NULL DEFAULT 0,
  failed     BIGINT NOT NULL DEFAULT 0,
  live_cost  BIGINT NOT NULL DEFAULT 0,   -- of the same answers at live prices
  created    BIGINT NOT NULL,
  started    BIGINT,
  finalizing BIGINT,
  cancelling BIGINT,                      -- when that was asked for
  finished   BIGINT
);
CREATE INDEX batches_list ON batches (tenant, id);
CREATE INDEX batches_open ON batches (id) WHERE status IN ('validating', 'in_progress', 'finalizing');
CREATE TABLE batch_lines (
  batch     TEXT NOT NULL,
  number    BIGINT NOT NULL,              -- from 1, in the order of the file
  custom_id TEXT NOT NULL,
  job       TEXT,                         -- whose step it answers; null where a client asks
  step      TEXT NOT NULL,
  purpose   TEXT NOT NULL,
  hash      TEXT NOT NULL,                -- of the request, where it answers a step
  request   TEXT NOT NULL,                -- JSON
  parts     TEXT,                         -- JSON: the steps that its request asks together; null for one
  state     TEXT NOT NULL,                -- waiting, sent, live, answered, failed
  tries     BIGINT NOT NULL DEFAULT 0,
  entry     TEXT,                         -- of its latest try in an order
  status    BIGINT NOT NULL DEFAULT 0,    -- as HTTP
  response  TEXT,                         -- JSON: the answer or the error
  PRIMARY KEY (batch, number)
);
CREATE INDEX batch_lines_job ON batch_lines (job) WHERE job IS NOT NULL;
CREATE TABLE batch_files (                -- what a vendor keeps of orders that are over, to be deleted there
  name     TEXT PRIMARY KEY,              -- of the order
  root     TEXT,                          -- the dream's job; null where a client asked
  provider TEXT NOT NULL,
  handle   TEXT NOT NULL,                 -- JSON, the vendor's
  tries    BIGINT NOT NULL DEFAULT 0,
  due      BIGINT NOT NULL,
  created  BIGINT NOT NULL
);
CREATE INDEX batch_files_due ON batch_files (due);
CREATE TABLE trainings (
  id        TEXT PRIMARY KEY,             -- ftjob-…
  tenant    TEXT NOT NULL,
  tune      TEXT,
  job       TEXT NOT NULL,
  file      TEXT,
  weights_of TEXT,                        -- the training whose weights it serves at another place; NULL: it trains
  provider  TEXT NOT NULL,
  base      TEXT NOT NULL,
  suffix    TEXT NOT NULL,
  status    TEXT NOT NULL,                -- OpenAI's words
  pause     TEXT,                         -- held, pause or resume, see learn.Pause; NULL: it goes on
  pauses    TEXT,                         -- JSON: when it was paused and resumed
  spec      TEXT NOT NULL,                -- JSON: hyper-parameters and vendor handles
  vendor_id TEXT,
  model     TEXT,                         -- the tuned model's registered name
  tokens    BIGINT NOT NULL DEFAULT 0,
  cost      BIGINT NOT NULL DEFAULT 0,
  error     TEXT,
  created   BIGINT NOT NULL,
  finished  BIGINT
);
CREATE INDEX trainings_list ON trainings (tenant, id);
CREATE INDEX trainings_open ON trainings (id) WHERE status IN ('validating_files', 'queued', 'running', 'paused');
CREATE TABLE tunes (
  id         TEXT PRIMARY KEY,
  tenant     TEXT NOT NULL,
  alias      TEXT NOT NULL,
  base       TEXT NOT NULL,               -- provider/model
  job        TEXT NOT NULL,
  stage      TEXT NOT NULL,
  dataset    TEXT,
  training   TEXT,
  evaluation TEXT,
  decision   TEXT,                        -- JSON, see Decision
  exam       TEXT,                        -- JSON, see ExamPlan
  state      TEXT NOT NULL,               -- JSON: what the next stage needs
  created    BIGINT NOT NULL,
  finished   BIGINT,
  tainted    BIGINT,                      -- as its dataset
  aged       BIGINT                       -- as its dataset
);
CREATE INDEX tunes_list ON tunes (tenant, id);
CREATE UNIQUE INDEX tunes_running ON tunes (tenant, alias) WHERE finished IS NULL;
-- What the clock that starts tunes says of an alias, such as why there is no tune yet.
CREATE TABLE tune_clocks (
  tenant TEXT NOT NULL,
  alias  TEXT NOT NULL,
  says   TEXT NOT NULL,
  since  BIGINT NOT NULL,
  PRIMARY KEY (tenant, alias)
);
CREATE TABLE models (
  name          TEXT PRIMARY KEY,         -- provider/vendor's name
  tenant        TEXT NOT NULL,
  alias         TEXT NOT NULL,
  provider      TEXT NOT NULL,
  base          TEXT NOT NULL,
  tune          TEXT,
  training      TEXT,
  handle        TEXT,                     -- the deployment's
  state         TEXT NOT NULL,            -- trained, candidate, serving, starting, asleep, over_budget, stopped
  priced        TEXT NOT NULL,            -- the catalogue's name whose prices hold
  nano_per_hour BIGINT NOT NULL,
  per_token     BOOLEAN NOT NULL DEFAULT FALSE, -- each token is paid beside the hours
  billed_window BIGINT NOT NULL DEFAULT 0, -- microseconds by which it is paid while it is asked; 0: by the hour
  created       BIGINT NOT NULL,
  started       BIGINT NOT NULL,          -- when its deployment was started last
  cold          BIGINT NOT NULL DEFAULT 0, -- microseconds that a start takes; 0 while unknown
  withdrawn     BIGINT,                   -- when its tenant deleted it
  tainted       BIGINT,                   -- as its dataset: it is given no more traffic
  aged          BIGINT                    -- as its dataset
);
CREATE INDEX models_tenant ON models (tenant, name);
CREATE TABLE evaluations (
  id        TEXT PRIMARY KEY,
  tenant    TEXT NOT NULL,
  alias     TEXT NOT NULL,
  tune      TEXT,
  candidate TEXT NOT NULL,
  incumbent TEXT NOT NULL,
  repeats   TEXT,                         -- the evaluation that this one repeats
  report    TEXT NOT NULL,                -- JSON, see Report
  created   BIGINT NOT NULL,
  pruned    BIGINT                        -- when its comparisons were deleted for their age
);
CREATE INDEX evaluations_age ON evaluations (created) WHERE pruned IS NULL;
CREATE INDEX evaluations_list ON evaluations (tenant, id);
CREATE INDEX evaluations_alias ON evaluations (tenant, alias, id);
-- How the papers of an evaluation came out.
CREATE TABLE comparisons (
  evaluation   TEXT NOT NULL,
  experience   TEXT NOT NULL,
  tenant       TEXT NOT NULL,
  conversation TEXT NOT NULL,
  regression   BOOLEAN NOT NULL,          -- of the set that every evaluation of the alias has
  outcome      TEXT NOT NULL,             -- win, tie, loss: of the candidate
  checked      BOOLEAN NOT NULL,          -- an exact check decided
  disagreed    BOOLEAN NOT NULL,          -- the judge's two orders did
  result       TEXT NOT NULL,             -- JSON, see Comparison, without what was said
  said         TEXT,                      -- JSON, see Said; NULL once it is forgotten
  PRIMARY KEY (evaluation, experience)
);
CREATE INDEX comparisons_experience ON comparisons (tenant, experience);
-- Held-out experiences that every evaluation of an alias asks.
CREATE TABLE regression_papers (
  tenant     TEXT NOT NULL,
  alias      TEXT NOT NULL,
  experience TEXT NOT NULL,
  evaluation TEXT NOT NULL,               -- that added it
  created    BIGINT NOT NULL,
  PRIMARY KEY (tenant, alias, experience)
);
CREATE TABLE routes (
  tenant  TEXT NOT NULL,
  alias   TEXT NOT NULL,
  version BIGINT NOT NULL,
  targets TEXT NOT NULL,                  -- JSON, see RouteTarget
  reason  TEXT NOT NULL,
  author  TEXT NOT NULL,
  origin  BIGINT NOT NULL,                -- the version that first had these targets: a rollback takes them up again
  created BIGINT NOT NULL,
  PRIMARY KEY (tenant, alias, version)
);
-- Tuned models that answer a growing share of an alias's conversations while they are compared.
CREATE TABLE canaries (
  id        TEXT PRIMARY KEY,             -- can_…
  tenant    TEXT NOT NULL,
  alias     TEXT NOT NULL,
  tune      TEXT NOT NULL,
  candidate TEXT NOT NULL,                -- provider/model
  champion  TEXT NOT NULL,                -- what answers the other conversations
  plan      TEXT NOT NULL,                -- JSON: shares, times and levels, fixed at the beginning
  route     TEXT NOT NULL,                -- JSON: the targets before and behind it
  step      BIGINT NOT NULL,              -- index in the plan's shares; -1 in its shadow
  state     TEXT NOT NULL,                -- shadow, running, paused, watching, promoted, rolled_back, aborted, superseded
  reason    TEXT NOT NULL,                -- of the last move
  placed    BIGINT NOT NULL,              -- the route's version that it put in force last
  origin    BIGINT NOT NULL,              -- the first of its versions; 0 before
  seen      TEXT NOT NULL,                -- JSON: what was counted
  tests     TEXT NOT NULL,                -- JSON: what the tests know
  cursor    TEXT NOT NULL,                -- the job behind which conversations are not counted yet
  version   BIGINT NOT NULL,              -- of this row: who moves it names the one that was read
  stepped   BIGINT NOT NULL,              -- when it was last moved
  shown     BIGINT,                       -- when it was first given a share
  created   BIGINT NOT NULL,
  finished  BIGINT
);
CREATE UNIQUE INDEX canaries_open ON canaries (tenant, alias) WHERE finished IS NULL;
-- How the answers of a canary's two models to the same prompts were judged.
CREATE TABLE canary_pairs (
  canary  TEXT NOT NULL,
  number  BIGINT NOT NULL,                -- of the canary, from 1
  shown   TEXT NOT NULL,                  -- the model whose answer its user got, provider/model
  outcome TEXT NOT NULL,                  -- win, tie, loss of the candidate
  agreed  BOOLEAN NOT NULL,               -- both orders said so
  created BIGINT NOT NULL,
  PRIMARY KEY (canary, number)
);

-- When things fire.
CREATE TABLE schedules (
  id      TEXT PRIMARY KEY,
  spec    TEXT NOT NULL,
  zone    TEXT NOT NULL,
  misfire TEXT NOT NULL,                  -- once, skip
  overlap TEXT NOT NULL,                  -- skip, allow
  author  TEXT NOT NULL,                  -- config, or what else made it
  next_at BIGINT NOT NULL,
  last_at BIGINT
);
CREATE INDEX schedules_next ON schedules (next_at);

-- One row that is written to find out whether the database takes writes.
CREATE TABLE write_probe (at BIGINT NOT NULL);
INSERT INTO write_probe VALUES (0);
