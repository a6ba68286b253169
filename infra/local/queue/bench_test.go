package queue_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"dialtone/infra/local/queue"
)

// BenchmarkCycle sends, receives and deletes one message, with 8 callers at
// once, beside a backlog: what a message costs must not depend on it.
func BenchmarkCycle(b *testing.B) {
	for _, name := range []string{"plain", "ordered.fifo"} {
		for _, backlog := range []int{0, 20_000} {
			b.Run(fmt.Sprintf("%s/backlog=%d", name, backlog), func(b *testing.B) { benchmarkCycle(b, name, backlog) })
		}
	}
}

func benchmarkCycle(b *testing.B, name string, backlog int) {
	q := declare(b, openQueues(b), queue.Config{Name: name})
	var n atomic.Int64
	body := strings.Repeat("x", 512)
	message := func() queue.Outgoing {
		m := queue.Outgoing{Body: body}
		if i := n.Add(1); q.Config().FIFO() {
			m.Group, m.DedupID = fmt.Sprint("user", i%1000), fmt.Sprint(i)
		}
		return m
	}
	for range backlog / 10 {
		var batch []queue.Outgoing
		for range 10 {
			batch = append(batch, message())
		}
		if _, err := q.SendBatch(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.SetParallelism(4) // of 2 processors: 8 callers
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			send(b, q, message())
			got, err := q.Receive(b.Context(), queue.ReceiveOptions{})
			if err != nil {
				b.Error(err)
			}
			for _, m := range got {
				if err := q.Delete(b.Context(), m.Receipt); err != nil {
					b.Error(err)
				}
			}
		}
	})
}
