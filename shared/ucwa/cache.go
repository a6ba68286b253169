package ucwa

import (
	"container/list"
	"context"
	"sync"
)

// cache keeps the most recently used values and loads each missing one once,
// however many callers want it. Safe for concurrent use. A load runs on the
// goroutine of the caller that started it, so none outlives its call.
type cache[K comparable, V any] struct {
	size  int          // entries kept
	fresh func(V) bool // nil: a value never goes stale by itself

	mu      sync.Mutex
	entries map[K]*list.Element // of *entry[K, V]
	recent  list.List           // front: most recently used
	loading map[K]*flight[V]
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// flight is one load in progress; value, err and abandoned are set before done
// is closed.
type flight[V any] struct {
	done      chan struct{}
	value     V
	err       error
	abandoned bool // it failed because its own caller gave up
}

func newCache[K comparable, V any](size int, fresh func(V) bool) *cache[K, V] {
	return &cache[K, V]{size: size, fresh: fresh, entries: map[K]*list.Element{}, loading: map[K]*flight[V]{}}
}

// get returns the kept value, or the one that load returns, and whether it was
// kept. Errors are shared by those who wait for the same load and not kept.
func (c *cache[K, V]) get(ctx context.Context, key K, load func() (V, error)) (v V, kept bool, err error) {
	for {
		c.mu.Lock()
		if v, ok := c.lookup(key); ok {
			c.mu.Unlock()
			return v, true, nil
		}
		f, waiting := c.loading[key]
		if !waiting {
			f = &flight[V]{done: make(chan struct{})}
			c.loading[key] = f
			c.mu.Unlock()
			c.load(ctx, key, f, load)
			return f.value, false, f.err
		}
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return v, false, ctx.Err()
		case <-f.done:
			if !f.abandoned {
				return f.value, false, f.err
			}
		}
	}
}

// load runs one load and lets the waiting callers go, also when it panics.
func (c *cache[K, V]) load(ctx context.Context, key K, f *flight[V], load func() (V, error)) {
	f.abandoned = true
	defer func() {
		c.mu.Lock()
		delete(c.loading, key)
		c.mu.Unlock()
		close(f.done)
	}()
	f.value, f.err = load()
	f.abandoned = f.err != nil && ctx.Err() != nil
	if f.err == nil {
		c.put(key, f.value)
	}
}

// peek returns the kept value without loading one.
func (c *cache[K, V]) peek(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lookup(key)
}

// lookup needs mu.
func (c *cache[K, V]) lookup(key K) (v V, ok bool) {
	el, ok := c.entries[key]
	if !ok {
		return v, false
	}
	e := el.Value.(*entry[K, V])
	if c.fresh != nil && !c.fresh(e.value) {
		c.remove(el)
		return v, false
	}
	c.recent.MoveToFront(el)
	return e.value, true
}

// put keeps a value in the place of any other of the same key.
func (c *cache[K, V]) put(key K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[key]; ok {
		c.remove(el)
	}
	c.entries[key] = c.recent.PushFront(&entry[K, V]{key, v})
	if len(c.entries) > c.size {
		c.remove(c.recent.Back())
	}
}

// drop forgets the value of a key, but only if it is still the one that the
// caller found wanting: another may have replaced it meanwhile.
func (c *cache[K, V]) drop(key K, wanting func(V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[key]; ok && wanting(el.Value.(*entry[K, V]).value) {
		c.remove(el)
	}
}

// remove needs mu.
func (c *cache[K, V]) remove(el *list.Element) {
	delete(c.entries, el.Value.(*entry[K, V]).key)
	c.recent.Remove(el)
}
