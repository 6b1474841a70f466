// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// request is something that Vault was asked.
type request struct {
	at    time.Time
	token string // who asked, as the log has it
	path  string
	v2    bool
}

// role is whose path that is; "": no role's.
func (r request) role() string {
	rest, found := strings.CutPrefix(r.path, sandbox.DefaultMount+"/roles/")
	if !found {
		return ""
	}
	role, _, _ := strings.Cut(rest, "/")
	return role
}

// isGrant tells whether a grant was asked for.
func (r request) isGrant() bool { return r.role() != "" && strings.HasSuffix(r.path, "/grant") }

// asked is what Vault was asked, oldest first.
func (w *world) asked(ctx context.Context) ([]request, error) {
	v2, err := w.root.Sys().AuditHashWithContext(ctx, auditDevice, "2")
	if err != nil {
		return nil, err
	}
	log, err := os.Open(w.auditLog())
	if err != nil {
		return nil, err
	}
	defer log.Close()
	return requestsIn(log, v2)
}

// grantsRead are the grants that Vault was asked for, oldest first.
func (w *world) grantsRead(ctx context.Context) ([]request, error) {
	asked, err := w.asked(ctx)
	return slices.DeleteFunc(asked, func(r request) bool { return !r.isGrant() }), err
}

// requestsIn reads an audit log, in which v2 stands for "2".
func requestsIn(log io.Reader, v2 string) (asked []request, err error) {
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
			return asked, nil
		case err != nil:
			return nil, err
		}
		if r := entry.Request; entry.Type == "request" {
			asked = append(asked, request{entry.Time, r.ClientToken, r.Path, r.Data.API == v2})
		}
	}
}

// most is how many there are at most within a time so long.
func most(asked []request, long time.Duration) (most int) {
	for i, first := range asked {
		most = max(most, len(during(asked[i:], first.at, long)))
	}
	return most
}

// during are those of a time so long.
func during(asked []request, from time.Time, long time.Duration) (found []request) {
	for _, r := range asked {
		if since := r.at.Sub(from); since >= 0 && since < long {
			found = append(found, r)
		}
	}
	return found
}

// afterSilence are those from the end of the longest time in which there were none.
// While Vault is away it logs nothing.
func afterSilence(asked []request) []request {
	longest, back := time.Duration(0), 0
	for i := 1; i < len(asked); i++ {
		if silence := asked[i].at.Sub(asked[i-1].at); silence > longest {
			longest, back = silence, i
		}
	}
	return asked[back:]
}

const (
	// mostAtReturn and mostOfRole are how many requests Vault gets in the first
	// second after its return, in all and of each role.
	mostAtReturn = 20
	mostOfRole   = 5
)

// gentle holds that Vault is not run over when it is back.
func gentle(ctx context.Context, w *world, _ []call, _ window) error {
	asked, err := w.asked(ctx)
	if err != nil {
		return err
	}
	return atReturn(afterSilence(asked))
}

// atReturn counts what Vault got in the first second of that.
func atReturn(back []request) error {
	if len(back) == 0 {
		return errors.New("Vault was asked nothing")
	}
	first := during(back, back[0].at, time.Second)
	if len(first) > mostAtReturn {
		return fmt.Errorf("Vault got %d requests in the first second after its return, not %d at most", len(first), mostAtReturn)
	}
	ofRole := make(map[string]int)
	for _, r := range first {
		if ofRole[r.role()]++; r.role() != "" && ofRole[r.role()] > mostOfRole {
			return fmt.Errorf("Vault got more than %d requests for %s in the first second after its return", mostOfRole, r.role())
		}
	}
	return nil
}
