package realserver

import (
	_ "embed" // for the script
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed pyftpdlib_server.py
var pyftpdlibScript string

// preparePyftpdlib writes the script that makes a server out of the library, and its
// settings.
func preparePyftpdlib(p plan) (launch, error) {
	python, err := findPython()
	if err != nil {
		return launch{}, err
	}
	attributes, err := handlerAttributes(p)
	if err != nil {
		return launch{}, err
	}
	settings, err := json.Marshal(map[string]any{
		"host": p.ip.String(), "port": p.port,
		"root": p.root, "user": loginUser, "password": loginPassword, "uid": loginID,
		"max_per_ip": p.MaxPerIP, "handler": attributes,
		"throttled":  p.UploadRate > 0 || p.DownloadRate > 0,
		"read_limit": p.UploadRate, "write_limit": p.DownloadRate, "tls": pyftpdlibTLS(p),
		"passive_low": p.PassivePorts.Low, "passive_high": p.PassivePorts.High,
	})
	if err != nil {
		return launch{}, err
	}
	err = writeFiles(p.state, map[string]string{"server.py": pyftpdlibScript, "settings.json": string(settings)})
	if err != nil {
		return launch{}, err
	}
	libraries, err := libraryPath(filepath.Join(p.servers, "lib"))
	if err != nil {
		return launch{}, err
	}
	packages := filepath.Join(p.servers, "pyftpdlib/usr/lib/python3/dist-packages")
	return launch{
		path: python,
		args: []string{"-W", "ignore", "-u", filepath.Join(p.state, "server.py"), filepath.Join(p.state, "settings.json")},
		env:  []string{"PYTHONPATH=" + packages, "PYTHONDONTWRITEBYTECODE=1", "LD_LIBRARY_PATH=" + libraries},
	}, nil
}

// pyftpdlibTLS are the script's settings for TLS, or nil.
func pyftpdlibTLS(p plan) map[string]any {
	if p.TLS == nil {
		return nil
	}
	return map[string]any{
		"certfile": p.certificateFile(), "implicit": p.TLS.Implicit, "required": !p.TLS.AllowPlain,
	}
}

// handlerAttributes are what the script sets on pyftpdlib's handler class.
func handlerAttributes(p plan) (map[string]json.RawMessage, error) {
	attributes := map[string]json.RawMessage{}
	if p.PassiveAddress.IsValid() {
		attributes["masquerade_address"] = json.RawMessage(`"` + p.PassiveAddress.String() + `"`)
	}
	for _, extra := range p.Extra {
		name, value, ok := strings.Cut(extra, "=")
		if !ok || !json.Valid([]byte(value)) {
			return nil, fmt.Errorf("extra setting %q is not of the form name=JSON", extra)
		}
		attributes[name] = json.RawMessage(value)
	}
	return attributes, nil
}

// findPython prefers the system's Python, which the unpacked packages belong to.
func findPython() (string, error) {
	const system = "/usr/bin/python3"
	if _, err := os.Stat(system); err == nil {
		return system, nil
	}
	return exec.LookPath("python3")
}
