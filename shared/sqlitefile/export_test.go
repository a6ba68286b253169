package sqlitefile

// Waiting is the number of operations that no group has taken yet.
func (f *File) Waiting() int {
	f.writer.mu.Lock()
	defer f.writer.mu.Unlock()
	return len(f.writer.queue)
}

// Watched is the number of topics that somebody watches.
func (f *File) Watched() int {
	f.writer.watches.mu.Lock()
	defer f.writer.watches.mu.Unlock()
	return len(f.writer.watches.topics)
}
