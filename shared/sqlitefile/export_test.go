package sqlitefile

// Waiting is the number of operations that no group has taken yet.
func (f *File) Waiting() int {
	f.writer.mu.Lock()
	defer f.writer.mu.Unlock()
	return len(f.writer.queue)
}
