package checkpools

import (
	"context"

	"dialtone/shared/explain"
	"dialtone/shared/logattr"
	"dialtone/shared/webex"
)

// proof is whether Webex has answered in a check, and so has taken the token.
type proof struct {
	works bool
	err   error // why not, the last one; nil: nobody has asked
}

func (p *proof) add(err error) {
	p.works = p.works || err == nil
	p.err = err
}

// prove logs whether the token works. An alarm misses the line if it stays away for
// three checks. Where no location could be listed, one number of the inventory is
// asked for: it may be their fault.
func (h *Handler) prove(ctx context.Context, token *proof) {
	if !token.works && ctx.Err() == nil {
		token.add(h.ask(ctx))
	}
	switch {
	case token.works:
		h.log.InfoContext(ctx, "webex token works")
	case token.err != nil:
		f := explain.Error(token.err)
		h.log.WarnContext(ctx, "webex token not proven", logattr.Class(f.Class), logattr.Error(token.err), logattr.Advice(f))
	}
}

// ask makes the smallest call there is.
func (h *Handler) ask(ctx context.Context) error {
	for _, err := range h.cfg.Webex.Numbers(ctx, webex.NumbersOptions{Max: 1}) {
		return err
	}
	return nil
}
