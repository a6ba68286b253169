//go:build e2e

package emulators_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"dialtone/infra/emulators"
	"dialtone/shared/secrets"
	"dialtone/shared/signin"
)

// Secrets are read, replaced and missed as Secrets Manager says it.
func TestSecrets(t *testing.T) {
	t.Parallel()
	endpoint := emulators.Moto(t)
	client := secretsmanager.New(secretsmanager.Options{
		Region: emulators.Region, BaseEndpoint: &endpoint,
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(emulators.AccessKey, emulators.SecretKey, "")),
	})
	c, err := secrets.New(secrets.Config{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	const name = "dialtone/ucwa/ada.o+b_c@contoso.test"
	if _, err := c.Secret(t.Context(), name); !errors.Is(err, signin.ErrNoSecret) {
		t.Errorf("read before it was created: %v", err)
	}
	if err := c.Save(t.Context(), name, []byte("x")); !errors.Is(err, signin.ErrNoSecret) {
		t.Errorf("save before it was created: %v", err)
	}
	created, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: aws.String("1")})
	if err != nil {
		t.Fatal(err)
	}
	c.Forget(name, time.Now())
	for _, id := range []string{name, aws.ToString(created.ARN)} {
		if got, err := c.Secret(t.Context(), id); err != nil || string(got) != "1" {
			t.Errorf("%s: %q, %v", id, got, err)
		}
	}
	if err := c.Save(t.Context(), name, []byte("2")); err != nil {
		t.Fatal(err)
	}
	c.Forget(name, time.Now())
	if got, err := c.Secret(t.Context(), name); err != nil || string(got) != "2" {
		t.Errorf("after the save: %q, %v", got, err)
	}
	if _, err := client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
	c.Forget(name, time.Now())
	if _, err := c.Secret(t.Context(), name); !errors.Is(err, signin.ErrNoSecret) {
		t.Errorf("read after it was scheduled for deletion: %v", err)
	}
}
