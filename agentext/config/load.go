// SPDX-License-Identifier: MPL-2.0

package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/vault/command/proxy/config"

	"mashproxy/agentext/config/hcl1"
)

// Options says what there is beside the files. Precedence is: flag,
// environment, file, default.
type Options struct {
	// LookupEnv gives a variable of the environment and whether it is set, as
	// os.LookupEnv does. Nil: nothing is set. (What Vault's loader itself takes
	// from the environment it takes from the process.)
	LookupEnv func(string) (string, bool)
	// Flags are the flags that were given.
	Flags Flags
}

// Load reads files and folders into one configuration, later ones over earlier
// ones as Vault Proxy merges them. The warnings are for the log, one each. The
// error is an [Error] with all problems, and the configuration is nil then.
func Load(paths []string, opts Options) (*Config, hcl.Diagnostics, error) {
	l := &loader{}
	l.readAll(paths)
	cfg := &Config{Vault: l.merge()}
	l.findMashery()
	l.checkKeys()
	cfg.Mashery, cfg.LocalRules.Mashery = l.mashery()
	cfg.RetriesSet = l.retriesSet()
	l.diags = append(l.diags, cfg.override(opts)...)
	cfg.LocalRules.Listeners = l.checkListeners()
	l.checkRules(cfg)
	l.checkLog(cfg, opts)
	l.askVault(cfg)
	return l.finish(cfg)
}

// loader goes through the stages of Load and gathers what it finds.
type loader struct {
	files []*file
	diags hcl.Diagnostics
	// dropped are the places where Vault's parser drops a part of a file.
	dropped hcl.Diagnostics
	// broken tells that a file could not be read, so that it is not known what
	// is missing in all of them.
	broken bool
	// blocks are the mashery blocks of all files.
	blocks []*hcl.Block
	// lenient is the place of `compat = "warn"`.
	lenient bool
	// strict is how grave a key is that nobody reads.
	strict hcl.DiagnosticSeverity
}

func (l *loader) readAll(paths []string) {
	if len(paths) == 0 {
		l.error(hcl.Range{}, "No configuration", "Name a file or a folder with -config=PATH.")
	}
	names, diags := expand(paths)
	l.diags = append(l.diags, diags...)
	for _, name := range names {
		f, diags := read(name)
		l.diags = append(l.diags, diags...)
		if f != nil {
			l.files = append(l.files, f)
		}
	}
	l.broken = l.diags.HasErrors()
}

// parsed gives the files whose syntax is right.
func (l *loader) parsed() (files []*file) {
	for _, f := range l.files {
		if f.tree != nil {
			files = append(files, f)
		}
	}
	return files
}

// merge puts Vault's parts together.
func (l *loader) merge() *config.Config {
	merged := config.NewConfig()
	for _, f := range l.files {
		if f.vault != nil {
			merged = merged.Merge(f.vault)
		}
	}
	if merged.Vault == nil {
		merged.Vault = &config.Vault{}
	}
	return merged
}

// find is the place of something in the last file that has it.
func (l *loader) find(path ...string) (at hcl.Range) {
	for _, f := range l.parsed() {
		if found := f.find(path...); found.Filename != "" {
			at = found
		}
	}
	return at
}

// has tells whether any file has something.
func (l *loader) has(path ...string) bool { return l.find(path...).Filename != "" }

func (l *loader) error(at hcl.Range, summary, detail string) {
	l.report(hcl.DiagError, at, summary, detail)
}

func (l *loader) report(severity hcl.DiagnosticSeverity, at hcl.Range, summary, detail string) {
	d := &hcl.Diagnostic{Severity: severity, Summary: summary, Detail: detail}
	if at.Filename != "" {
		d.Subject = &at
	}
	l.diags = append(l.diags, d)
}

// finish sorts what was found into warnings and an error.
func (l *loader) finish(cfg *Config) (*Config, hcl.Diagnostics, error) {
	for _, d := range l.dropped {
		if d.Severity = l.strict; l.diags.HasErrors() {
			d.Severity = hcl.DiagError // what is missing may be what was dropped
		}
	}
	l.diags = append(l.diags, l.dropped...)
	var warnings, errs hcl.Diagnostics
	for _, d := range tidy(l.diags) {
		if d.Severity == hcl.DiagWarning {
			warnings = append(warnings, d)
		} else {
			errs = append(errs, d)
		}
	}
	if len(errs) == 0 {
		return cfg, warnings, nil
	}
	sources := map[string][]byte{}
	for _, f := range l.files {
		sources[f.path] = hcl1.Mask(f.src)
	}
	return nil, warnings, &Error{Problems: errs, sources: sources}
}
