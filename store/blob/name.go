package blob

// The names of objects in the bucket. Each follows from ids alone, so that a
// step which runs again finds what it wrote.

// ImportObject is where the lines of an import are kept until they are read.
func ImportObject(job string) string { return "imports/" + job + ".ndjson" }

// DreamObject is where the sealed batch of a dream is kept; day is the dream's
// first, as 2006-01-02 in UTC.
func DreamObject(tenant, day, dream string) string {
	return "experiences/" + tenant + "/" + day + "/" + dream + ".jsonl"
}

// ReflectionsObject is where the lessons of a dream are kept.
func ReflectionsObject(dream string) string { return "dreams/" + dream + "/reflections.jsonl" }

// MemoryObject is where one version of a tenant's memory is kept.
func MemoryObject(tenant, version string) string { return "memory/" + tenant + "/" + version + ".md" }

// DatasetObject is where the rows of a dataset are kept, by their sha256 in hex.
func DatasetObject(sha256 string) string { return "datasets/" + sha256 + "/rows.jsonl" }

// ManifestObject is where the manifest of a dataset is kept, by the sha256 of its rows.
func ManifestObject(sha256 string) string { return "datasets/" + sha256 + "/manifest.json" }

// FileObject is where a file that a client sent is kept.
func FileObject(file string) string { return "files/" + file }

// ModelObject is where the manifest of a tuned model is kept, by the training that made it.
func ModelObject(training string) string { return "models/" + training + "/manifest.json" }
