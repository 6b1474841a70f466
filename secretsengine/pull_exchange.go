// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// exchange is a role on its way to another Vault: as JSON with these names,
// compressed with gzip, encrypted with RSA-OAEP and SHA-256 [the role data block
// of hcvault-mashery-api-auth, whose mounts it can be exchanged with].
type exchange struct {
	Role   exchangeRole    `json:"d"`
	Limits *exchangeLimits `json:"u,omitempty"`
}

type exchangeRole struct {
	AreaID          string `json:"aid,omitempty"`
	AreaNID         int64  `json:"nid,omitempty"`
	APIKey          sealed `json:"key,omitzero"`
	Secret          sealed `json:"srt,omitzero"`
	Username        string `json:"usr,omitempty"`
	Password        sealed `json:"pwd,omitzero"`
	QPS             int    `json:"qps,omitempty"`
	ForcedProxyMode bool   `json:"fpm,omitempty"`
	Exportable      bool   `json:"_exp"`
}

// exchangeLimits are of what may be done with it. Nothing, and less, is no limit.
type exchangeLimits struct {
	Term term  `json:"etm,omitempty"`
	Uses int64 `json:"enu,omitempty"`
}

// exchangeMax is the longest exchange that is read, in bytes of JSON: gzip
// makes much of little.
const exchangeMax = 64 << 10

// role is what becomes of the exchange where it is imported. id names its uses.
func (x *exchange) role(name, id string, now time.Time) (*role, error) {
	r := &role{
		Name: name, Imported: true,
		AreaID: x.Role.AreaID, AreaNID: x.Role.AreaNID, APIKey: x.Role.APIKey, Secret: x.Role.Secret,
		Username: x.Role.Username, Password: x.Role.Password, QPS: x.Role.QPS,
		ForcedProxyMode: x.Role.ForcedProxyMode, NotExportable: !x.Role.Exportable,
	}
	if r.QPS == 0 {
		r.QPS = defaultQPS
	}
	if x.Limits != nil {
		r.Term = max(0, x.Limits.Term)
		if x.Limits.Uses > 0 {
			r.Quota = quota{ID: id, Uses: x.Limits.Uses}
		}
	}
	switch {
	case r.Term > lastTerm:
		return nil, errors.New("its term is beyond the year 9999")
	case r.Term.over(now):
		return nil, fmt.Errorf("its term ended at %s; ask for a new export", r.Term)
	}
	return r, r.check()
}

// seal encrypts the exchange for the owner of the key.
func (x *exchange) seal(to *rsa.PublicKey, label []byte) ([]byte, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := zip.Write(text); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	if most := to.Size() - 2*sha256.Size - 2; packed.Len() > most {
		return nil, fmt.Errorf("the credentials are too long for a block to this recipient: %d bytes, of which %d fit; export for one API (v2_only, v3_only)", packed.Len(), most)
	}
	return rsa.EncryptOAEP(sha256.New(), rand.Reader, to, packed.Bytes(), label)
}

// openExchange decrypts an exchange.
func openExchange(sealed []byte, key *rsa.PrivateKey, label []byte) (*exchange, error) {
	packed, err := rsa.DecryptOAEP(sha256.New(), nil, key, sealed, label)
	if err != nil {
		return nil, errors.New("it cannot be decrypted: it was damaged or tampered with, made for another role or Vault, or with another oaep_label")
	}
	return readExchange(packed)
}

// readExchange reads an exchange that was decrypted.
func readExchange(packed []byte) (*exchange, error) {
	notOne := errors.New("it was decrypted, but what it holds is no role")
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, notOne
	}
	text, err := io.ReadAll(io.LimitReader(zip, exchangeMax+1))
	if err != nil || len(text) > exchangeMax {
		return nil, notOne
	}
	var x *exchange
	if err := json.Unmarshal(text, &x); err != nil || x == nil {
		return nil, notOne // the error would tell of the values
	}
	return x, nil
}

// hexLabel is a label that is not text, as hcvault-mashery-api-auth writes one.
var hexLabel = regexp.MustCompile(`^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+$`)

// oaepLabel is what a role is exported and imported with.
func (c config) oaepLabel() []byte {
	text := c.effective().OAEPLabel
	if hexLabel.MatchString(text) {
		if label, err := hex.DecodeString(strings.ReplaceAll(text, ":", "")); err == nil {
			return label
		}
	}
	return []byte(text)
}
