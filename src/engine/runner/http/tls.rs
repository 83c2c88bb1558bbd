//! Whom to trust: certificate authorities for the outgoing connections of runners.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

/// Files that `requests` and curl take authorities from, if they are set.
const VARIABLES: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// Both kinds of TLS: with the certificate checked, and without. Made when first needed.
#[derive(Debug, Default)]
pub(in crate::engine::runner) struct Trust {
    bundle: PathBuf,
    checked: OnceLock<Result<Arc<ClientConfig>, String>>,
    unchecked: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    /// Trusts what is in the PEM file `bundle`; the system's authorities if that is empty.
    pub(in crate::engine::runner) fn new(bundle: PathBuf) -> Self {
        Self { bundle, ..Self::default() }
    }

    /// The settings of a connection.
    ///
    /// # Errors
    /// In words for the user: the file of authorities cannot be read.
    pub(in crate::engine::runner) fn client(&self, verify: bool) -> Result<Arc<ClientConfig>, String> {
        if verify {
            self.checked.get_or_init(|| checked(&self.bundle)).clone()
        } else {
            Ok(self.unchecked.get_or_init(unchecked).clone())
        }
    }
}

fn checked(bundle: &Path) -> Result<Arc<ClientConfig>, String> {
    let named = VARIABLES.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let bundle = Some(bundle.to_owned()).into_iter().chain(named).find(|path| !path.as_os_str().is_empty());
    let mut roots = RootCertStore::empty();
    let (usable, _) = match bundle {
        Some(path) => roots.add_parsable_certificates(read(&path)?),
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    if usable == 0 {
        tracing::warn!("No certificate authorities were found: HTTPS works only with verify_ssl_cert=false");
    }
    let config = builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let explain = |error: &dyn std::fmt::Display| {
        format!("Could not read certificate authorities of {}: {error}", path.display())
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| explain(&error))?;
    certificates.collect::<Result<_, _>>().map_err(|error| explain(&error))
}

fn unchecked() -> Arc<ClientConfig> {
    let verifier = Arc::new(Anybody(aws_lc_rs::default_provider()));
    Arc::new(builder().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    // The provider is named: with two of them in the program, rustls would refuse to choose.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.expect("the provider has the cipher suites of its own defaults")
}

/// Takes every certificate: what `verify_ssl_cert: false` asks for.
#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
