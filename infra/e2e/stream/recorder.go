package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// keyAttribute is the table's one key.
const keyAttribute = "pk"

// Recorder passes calls on to an emulator of DynamoDB and records each PutItem
// that succeeded. Other ways to write are refused: they would leave no record.
//
// Writes of one item are passed on one after the other, so that their records
// have their order. A write whose answer was lost is looked up, since DynamoDB
// has a record of it if it was done; so is one whose caller has gone.
type Recorder struct {
	Upstream string // URL of the emulator
	Log      *Log
	Client   *http.Client  // nil: http.DefaultClient
	Patience time.Duration // for an emulator that does not answer, to look a write up. Zero: 30 s

	items [64]sync.Mutex // by hash of the key
}

// ServeHTTP implements http.Handler.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	switch operation {
	case "PutItem":
		err = r.put(w, req, body)
	case "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "ExecuteStatement":
		http.Error(w, operation+" would leave no record in the stream", http.StatusNotImplemented)
	default:
		err = r.pass(w, req, body)
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the connection breaks, as the emulator's did
	}
}

// answer is what the emulator said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) to(w http.ResponseWriter) {
	for _, name := range []string{"Content-Type", "X-Amz-Crc32", "X-Amzn-Requestid"} {
		if v := a.header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller that has gone is no concern of ours
}

func (r *Recorder) pass(w http.ResponseWriter, req *http.Request, body []byte) error {
	a, err := r.call(req.Context(), req.Header, body)
	if err == nil {
		a.to(w)
	}
	return err
}

// put passes a write on, whether or not its caller waits for the answer.
func (r *Recorder) put(w http.ResponseWriter, req *http.Request, body []byte) error {
	var in struct {
		TableName string
		Item      json.RawMessage
	}
	var image map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(body, &in), json.Unmarshal(in.Item, &image)); err != nil {
		return err
	}
	key := string(image[keyAttribute])
	one := &r.items[slot(key, len(r.items))]
	one.Lock()
	defer one.Unlock()
	ctx := context.WithoutCancel(req.Context())
	a, err := r.call(ctx, req.Header, body)
	if err != nil {
		return errors.Join(err, r.lookUp(ctx, req.Header, in.TableName, key, in.Item))
	}
	if a.status == http.StatusOK {
		err = r.Log.Append(key, in.Item)
	}
	a.to(w)
	return err
}

func slot(key string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return int(h.Sum32()) % n
}

// lookUp records an item if it stands in the table: its write was done, only
// its answer was lost. Nobody else writes it meanwhile.
func (r *Recorder) lookUp(ctx context.Context, header http.Header, table, key string, item json.RawMessage) error {
	patience := r.Patience
	if patience == 0 {
		patience = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	header = header.Clone()
	header.Set("X-Amz-Target", "DynamoDB_20120810.GetItem")
	body := fmt.Sprintf(`{"TableName":%q,"Key":{%q:%s},"ConsistentRead":true}`, table, keyAttribute, key)
	for {
		a, err := r.call(ctx, header, []byte(body))
		if err == nil && a.status == http.StatusOK {
			var got struct{ Item json.RawMessage }
			if err := json.Unmarshal(a.body, &got); err != nil {
				return err
			}
			if same(got.Item, item) {
				return r.Log.Append(key, item)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("look up %s: %w", key, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// same compares items but for the order of their attributes.
func same(a, b json.RawMessage) bool {
	canonical := func(raw json.RawMessage) []byte {
		var v any
		if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
			return nil
		}
		out, _ := json.Marshal(v) // it was JSON just now
		return out
	}
	x := canonical(a)
	return x != nil && bytes.Equal(x, canonical(b))
}

func (r *Recorder) call(ctx context.Context, header http.Header, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Upstream, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header = header.Clone()
	req.Header.Del("Accept-Encoding")
	client := r.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, got}, err
}
