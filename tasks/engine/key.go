package engine

import "dreamlab/tasks"

// Keys in Redis. The lane in braces keeps what belongs together in one slot of
// a cluster.
const (
	queuedChannel = "dreamlab:queued" // a lane that has new work to dispatch
	roomChannel   = "dreamlab:room"   // a lane in which a place may be free
	cancelChannel = "dreamlab:cancel" // a job that is to end in its worker's hands
	asynqQueues   = "asynq:queues"
)

func laneKey(lane tasks.Lane, rest string) string { return "dreamlab:{" + string(lane) + "}:" + rest }

// tokensKey is the list on which idle workers of a lane wait.
func tokensKey(lane tasks.Lane) string { return laneKey(lane, "wake") }

// workersKey holds the live workers of a lane with their places, placesKey the sum.
func workersKey(lane tasks.Lane) string { return laneKey(lane, "workers") }
func placesKey(lane tasks.Lane) string  { return laneKey(lane, "places") }

// claimedKey says that the lane has claimed lately.
func claimedKey(lane tasks.Lane) string { return laneKey(lane, "claimed") }

// sentinelKey is gone when Redis was wiped; it holds the server's run id.
func sentinelKey(lane tasks.Lane) string { return laneKey(lane, "sentinel") }

// probeKey is written to find out whether Redis takes writes.
func probeKey(lane tasks.Lane) string { return laneKey(lane, "probe") }

// endedChannel tells of a job's end.
func endedChannel(lane tasks.Lane, job string) string { return laneKey(lane, "ended:"+job) }

// taskKey is where Asynq keeps a task.
func taskKey(lane tasks.Lane, wake string) string { return "asynq:{" + string(lane) + "}:t:" + wake }
