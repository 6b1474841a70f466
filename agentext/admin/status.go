// SPDX-License-Identifier: MPL-2.0

package admin

import (
	"encoding/json"
	"net/http"

	"mashproxy/agentext/apierror"
)

// PathStatus is where the state of grants and budgets is told.
const PathStatus = "/proxy/v1/status"

// serveStatus tells what is known, without asking Vault or Mashery.
func (a *Admin) serveStatus(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		apierror.Write(w, apierror.New(http.StatusMethodNotAllowed, apierror.MethodNotAllowed, "read the status with GET").With("Allow", "GET, HEAD"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(a.config.Status()) // the caller may have left
}
