package deployment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dialtone/infra/local"
	"dialtone/shared/command"
)

// embedded is the data file of an embedded stack.
type embedded struct {
	data   *local.Data
	config string
}

func openFile(ctx context.Context, p Place, mustExist bool) (*Deployment, error) {
	opened, err := joinFile(ctx, p.Data, mustExist)
	if err != nil {
		return nil, err
	}
	return &Deployment{Ledger: opened.Ledger, place: p, base: &embedded{data: opened, config: p.Config}}, nil
}

func joinFile(ctx context.Context, path string, mustExist bool) (*local.Data, error) {
	if mustExist {
		return local.Look(ctx, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("data file: %w", err)
	}
	return local.Join(ctx, path)
}

func (e *embedded) deliver(ctx context.Context, c command.Command, body []byte, replay int) (bool, error) {
	return e.data.Deliver(ctx, c, body, replay)
}

func (e *embedded) settings() (Settings, error) {
	if e.config == "" {
		return Settings{}, errors.New("the vendors of this stack are simulated inside 'dialtone run': name its settings with --config to work on real ones")
	}
	s, err := local.ReadSettings(e.config, os.LookupEnv)
	return Settings{Settings: s.Settings, Secrets: s.Secrets}, err
}

func (e *embedded) close() error { return e.data.Close() }
