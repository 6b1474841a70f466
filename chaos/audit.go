// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/vault/api"

	"mashproxy/sandbox"
)

// auditDevice is the name of the log that Vault keeps of what it is asked.
const auditDevice = "chaos"

func (w *world) auditLog() string { return filepath.Join(w.Dir(), "audit.log") }

// audit lets Vault keep a log from now on.
func (w *world) audit(ctx context.Context) error {
	return w.root.Sys().EnableAuditWithOptionsWithContext(ctx, auditDevice, &api.EnableAuditOptions{
		Type: "file", Options: map[string]string{"file_path": w.auditLog()},
	})
}

// grantRead is one grant that Vault was asked for.
type grantRead struct {
	at    time.Time
	token string // who asked, as the log has it
	v2    bool
}

// grantsRead are all that Vault was asked for, oldest first.
func (w *world) grantsRead(ctx context.Context) ([]grantRead, error) {
	v2, err := w.root.Sys().AuditHashWithContext(ctx, auditDevice, "2")
	if err != nil {
		return nil, err
	}
	log, err := os.Open(w.auditLog())
	if err != nil {
		return nil, err
	}
	defer log.Close()
	return grantsIn(log, v2)
}

// grantsIn reads an audit log, in which v2 stands for "2".
func grantsIn(log io.Reader, v2 string) (reads []grantRead, err error) {
	for entries := json.NewDecoder(log); ; {
		var entry struct {
			Time    time.Time
			Type    string
			Request struct {
				Path        string
				ClientToken string `json:"client_token"`
				Data        struct{ API string }
			}
		}
		switch err := entries.Decode(&entry); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // one is being written
			return reads, nil
		case err != nil:
			return nil, err
		}
		if asked := entry.Request; entry.Type == "request" && asked.Path == sandbox.DefaultMount+"/roles/demo/grant" {
			reads = append(reads, grantRead{entry.Time, asked.ClientToken, asked.Data.API == v2})
		}
	}
}

// most is how many there are at most within a time so long.
func most(reads []grantRead, long time.Duration) (most int) {
	for i, first := range reads {
		n := 0
		for _, read := range reads[i:] {
			if read.at.Sub(first.at) < long {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}
