package forget

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// cleanImports removes the lines that brought the conversation in, but for an
// import that still reads them.
func (f *forgetter) cleanImports(ctx context.Context) error {
	running, err := f.run.Store.JobsNeeded(ctx, f.plan.Imports, 0)
	if err != nil {
		return err
	}
	var faults []error
	for _, job := range f.plan.Imports {
		if !running[job] {
			faults = append(faults, remove(ctx, f.Bucket, blob.ImportObject(job)))
		}
	}
	return errors.Join(faults...)
}

// cleanDreams takes the conversation out of the batches and lessons of dreams.
func (f *forgetter) cleanDreams(ctx context.Context) error {
	var faults []error
	for _, dream := range f.plan.Dreams {
		faults = append(faults, f.cleanBatch(ctx, dream), f.rewrite(ctx, blob.ReflectionsObject(dream)))
	}
	return errors.Join(faults...)
}

// cleanBatch takes it out of what a dream sealed.
func (f *forgetter) cleanBatch(ctx context.Context, dream string) error {
	d, err := f.run.Store.Dream(ctx, f.run.Job.Tenant, dream)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.rewrite(ctx, blob.DreamObject(d.Tenant, d.Created.UTC().Format(time.DateOnly), d.ID))
}

// rewrite puts an object without the lines of what is gone in the old one's place.
// The rows are the truth: an object that is lost between the two steps loses
// nothing that is used.
func (f *forgetter) rewrite(ctx context.Context, name string) error {
	kept, dropped, err := f.readWithout(ctx, name, f.names)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil || dropped == 0 {
		return err
	}
	return f.replace(ctx, name, kept)
}

// cleanMemories writes the files of the memory's versions again as their rows are.
func (f *forgetter) cleanMemories(ctx context.Context) error {
	memories, err := f.run.Store.MemoriesOf(ctx, f.run.Job.Tenant, f.plan.Traces)
	if err != nil {
		return err
	}
	faults := []error{f.dropUnkept(ctx, memories)}
	for _, m := range memories {
		_, dropped, err := f.readWithout(ctx, m.Object, f.names)
		if dropped > 0 || errors.Is(err, db.ErrNotFound) {
			err = f.replace(ctx, m.Object, []byte(m.Markdown()))
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// dropUnkept removes the files of versions that name the conversation and that no
// row stands for: of dreams that failed, or that would write it once more.
func (f *forgetter) dropUnkept(ctx context.Context, kept []learn.Memory) error {
	var faults []error
	for _, dream := range f.plan.Dreams {
		id := learn.MemoryID(dream)
		if slices.ContainsFunc(kept, func(m learn.Memory) bool { return m.ID == id }) {
			continue
		}
		name := blob.MemoryObject(f.run.Job.Tenant, id)
		_, dropped, err := f.readWithout(ctx, name, f.names)
		if dropped > 0 {
			err = remove(ctx, f.Bucket, name)
		}
		if !errors.Is(err, db.ErrNotFound) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// names tells whether a line names one of the experiences.
func (f *forgetter) names(line []byte) bool {
	for _, id := range f.plan.Experiences {
		if bytes.Contains(line, []byte(id)) {
			return true
		}
	}
	return false
}

// readWithout reads an object's lines but for those that go. A dream's batch is at
// most some thousand lines, and a dataset is held in memory when it is made, too.
func (f *forgetter) readWithout(ctx context.Context, name string, goes func([]byte) bool) (
	kept []byte, dropped int, err error,
) {
	object, err := f.Bucket.Open(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	lines := bufio.NewReader(object)
	for {
		line, err := lines.ReadBytes('\n')
		switch {
		case err != nil && err != io.EOF:
			return nil, 0, fmt.Errorf("read object: %w", err)
		case goes(line):
			dropped++
		default:
			kept = append(kept, line...)
		}
		if err == io.EOF {
			return kept, dropped, nil
		}
	}
}

func (f *forgetter) replace(ctx context.Context, name string, content []byte) error {
	if err := remove(ctx, f.Bucket, name); err != nil {
		return err
	}
	return blob.Ensure(ctx, f.Bucket, name, bytes.NewReader(content))
}

// remove deletes an object; one that is gone is no fault.
func remove(ctx context.Context, bucket blob.Bucket, name string) error {
	if err := bucket.Delete(ctx, name); err != nil && !errors.Is(err, db.ErrNotFound) {
		return err
	}
	return nil
}
