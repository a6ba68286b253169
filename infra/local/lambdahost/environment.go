package lambdahost

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// environment returns what a process finds in its environment: Lambda's
// variables ("Using Lambda environment variables") over those of the function.
// api is where its Runtime API listens, as host:port.
func (c Config) environment(api string) []string {
	vars := map[string]string{"LANG": "en_US.UTF-8", "TZ": ":UTC", "PATH": os.Getenv("PATH")}
	maps.Copy(vars, c.Env)
	maps.Copy(vars, map[string]string{
		"_HANDLER":                        c.Handler,
		"AWS_REGION":                      c.Region,
		"AWS_DEFAULT_REGION":              c.Region,
		"AWS_EXECUTION_ENV":               "AWS_Lambda_provided.al2023",
		"AWS_LAMBDA_RUNTIME_API":          api,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_FUNCTION_NAME":        c.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     c.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(c.Memory),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + c.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      logStream(time.Now(), c.Version),
		"LAMBDA_TASK_ROOT":                filepath.Dir(c.Binary),
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
	})
	lines := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		lines = append(lines, name+"="+vars[name])
	}
	return lines
}

// logStream names the log stream of a process that starts now.
func logStream(now time.Time, version string) string {
	return fmt.Sprintf("%s/[%s]%s", now.UTC().Format("2006/01/02"), version, hexID(32))
}

// hexID returns n random hexadecimal digits, at most 32; six bits of them are
// always the same.
func hexID(n int) string { return strings.ReplaceAll(uuid.NewString(), "-", "")[:n] }
