package storetest_test

import (
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

func TestFile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		file := learn.File{
			ID: "file-1", Tenant: "ten_1", Filename: "ä.jsonl", Purpose: "fine-tune", Bytes: 1 << 40, SHA256: "sum",
			Object: blob.FileObject("file-1"), IdemKey: "key",
		}
		kept, err := s.AddFile(t.Context(), file)
		must(t, err)
		recent(t, kept.Created)
		same, err := s.FileByKey(t.Context(), "ten_1", "key")
		if err != nil || same != kept {
			t.Errorf("got %+v, want %+v, %v", same, kept, err)
		}
		again := file
		again.ID = "file-2"
		_, err = s.AddFile(t.Context(), again)
		want(t, err, db.ErrConflict)
		again.Tenant = "ten_2"
		_, err = s.AddFile(t.Context(), again)
		must(t, err)

		must(t, s.ShiftClock(t.Context(), 25*time.Hour))
		_, err = s.FileByKey(t.Context(), "ten_1", "key")
		want(t, err, db.ErrNotFound)
		want(t, s.DeleteFile(t.Context(), "ten_2", "file-1"), db.ErrNotFound)
		must(t, s.DeleteFile(t.Context(), "ten_1", "file-1"))
		_, err = s.File(t.Context(), "ten_1", "file-1")
		want(t, err, db.ErrNotFound)
	})
}

// TestOldKeysNameNewFiles has a day pass: the key of a file may name another.
func TestOldKeysNameNewFiles(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		file := learn.File{ID: "file-1", Tenant: "ten_1", Filename: "a", Purpose: "fine-tune", Object: "o", IdemKey: "key"}
		_, err := s.AddFile(t.Context(), file)
		must(t, err)
		must(t, s.ShiftClock(t.Context(), 24*time.Hour+time.Minute))
		file.ID = "file-2"
		_, err = s.AddFile(t.Context(), file)
		must(t, err)
		found, err := s.FileByKey(t.Context(), "ten_1", "key")
		if err != nil || found.ID != "file-2" {
			t.Errorf("the key names %s, %v", found.ID, err)
		}
		old, err := s.File(t.Context(), "ten_1", "file-1")
		if err != nil || old.IdemKey != "" {
			t.Errorf("the first file is %+v, %v", old, err)
		}
	})
}
